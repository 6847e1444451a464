import { expect, test } from 'vitest';
import { Frames, framed, Improv, longest_certificate_part, type Credential } from './improv';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ').toUpperCase();
const text = (words: string) => new TextEncoder().encode(words);
const result = (command: number, ...strings: string[]) => {
  const bytes = strings.flatMap((string) => [text(string).length, ...text(string)]);
  return framed('result', Uint8Array.of(command, bytes.length, ...bytes));
};

// A meter at the other end of a cable: it gets each command and says what to answer.
function cable(answer: (command: number, payload: Uint8Array) => Uint8Array[]) {
  const commands = new Frames();
  let out!: ReadableStreamDefaultController<Uint8Array>;
  const readable = new ReadableStream<Uint8Array>({ start: (controller) => void (out = controller) });
  const writable = new WritableStream<Uint8Array>({
    write(bytes) {
      for (const { data } of commands.take(bytes)) for (const frame of answer(data[0]!, data.slice(2))) out.enqueue(frame);
    },
  });
  return { readable, writable, say: (bytes: Uint8Array) => out.enqueue(bytes) };
}

const no_error = framed('error', Uint8Array.of(0));
const credential: Credential = {
  home: 'home', device: 'meter-2', host: 'hub.local', port: 8883, user: 'home/meter-2', password: 'secret', certificate: 'c'.repeat(700),
};

test('a frame is as the standard has it', () => {
  expect(hex(framed('command', Uint8Array.of(2, 0)))).toBe('49 4D 50 52 4F 56 01 03 02 02 00 E5 0A');
});

test('frames are found between the lines of a log, however they are cut', () => {
  const line = Uint8Array.from([...text('I (31) IMPR boot\nIMPROV?'), ...framed('state', Uint8Array.of(2)), ...text('more'), ...framed('error', Uint8Array.of(3))]);
  for (const size of [1, 2, 7, line.length]) {
    const frames = new Frames();
    const found = [];
    for (let at = 0; at < line.length; at += size) found.push(...frames.take(line.slice(at, at + size)));
    expect(found.map(({ kind, data }) => [kind, ...data])).toEqual([['state', 2], ['error', 3]]);
  }
});

test('a frame that was damaged is passed over', () => {
  const damaged = framed('state', Uint8Array.of(2));
  damaged[8]! ^= 1;
  expect(new Frames().take(Uint8Array.from([...damaged, ...framed('state', Uint8Array.of(4))])).length).toBe(1);
});

test('a meter tells what it is and which networks it hears, the strongest first and each once', async () => {
  const line = cable((command) =>
    command === 3
      ? [no_error, result(3, 'lenz_meter', '0.3.1', 'ESP32', 'meter')]
      : [result(4, 'far', '-80', 'NO'), result(4, 'near', '-40', 'YES'), result(4, 'near', '-60', 'YES'), result(4, '', '-10', 'NO'), result(4)],
  );
  const improv = new Improv(line);

  expect(await improv.device()).toEqual({ firmware: 'lenz_meter', version: '0.3.1', chip: 'ESP32', name: 'meter' });
  expect(await improv.networks()).toEqual([
    { name: 'near', strength_dbm: -40, is_protected: true },
    { name: 'far', strength_dbm: -80, is_protected: false },
  ]);
  await improv.close();
  expect(line.readable.locked).toBe(false);
  expect(line.writable.locked).toBe(false);
});

test('a network is given as its name and password', async () => {
  let given: Uint8Array | undefined;
  const improv = new Improv(cable((_, payload) => ((given = payload), [no_error, framed('state', Uint8Array.of(4)), result(1, 'http://meter')])));

  await improv.join('näh', 'pw');

  expect(Array.from(given!)).toEqual([4, ...text('näh'), 2, ...text('pw')]);
});

test('a network that cannot be joined is said in a sentence', async () => {
  const improv = new Improv(cable(() => [no_error, framed('error', Uint8Array.of(3)), framed('state', Uint8Array.of(2))]));

  await expect(improv.join('home', 'wrong')).rejects.toThrow('could not join this network');
});

test('the hub is given with the whole certificate, in parts that follow each other', async () => {
  const parts: number[][] = [];
  let pem = '';
  let hub: Uint8Array | undefined;
  const improv = new Improv(cable((command, payload) => {
    if (command === 0x81) {
      const [low, high, total_low, total_high] = payload;
      parts.push([low! + 256 * high!, total_low! + 256 * total_high!]);
      pem += new TextDecoder().decode(payload.slice(4));
    } else {
      hub = payload;
    }
    return [no_error, result(command)];
  }));

  await improv.give_hub(credential);

  expect(parts).toEqual([[0, 700], [240, 700], [480, 700]]);
  expect(longest_certificate_part).toBeLessThan(250);
  expect(pem).toBe(credential.certificate);
  const words = ['mqtts://hub.local:8883', 'home', 'meter-2', 'secret'];
  expect(Array.from(hub!)).toEqual(words.flatMap((word) => [word.length, ...text(word)]));
});

test('a meter that refuses its hub is not given more', async () => {
  let commands = 0;
  const improv = new Improv(cable(() => (++commands, [framed('error', Uint8Array.of(0xff))])));

  await expect(improv.give_hub(credential)).rejects.toThrow('could not keep this');
  expect(commands).toBe(1);
});

test('why a meter refuses a radio is said in its own words', async () => {
  const improv = new Improv(cable((command) =>
    command === 0x84 ? [framed('error', Uint8Array.of(0xff)), result(command, 'The pins of the modem are not known.')]
      : command === 0x86 ? [result(command, '-', '', '', '6ch', '00')] : [no_error, result(command)]));

  await expect(improv.set('lorawan', Uint8Array.of(1))).rejects.toThrow('The pins of the modem are not known.');
  expect(await improv.set('bluetooth', new Uint8Array())).toEqual([]);
  expect(await improv.settings()).toEqual(['-', '', '', '6ch', '00']);
});

test('a meter that is silent is given up', async () => {
  const improv = new Improv(cable(() => []), 10);

  await expect(improv.device()).rejects.toThrow('does not answer over the cable');
});
