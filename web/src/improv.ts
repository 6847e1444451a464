// Improv over a serial line (improv-wifi.com), as firmware/improv speaks it: gives a meter its
// network, and by commands of our own its hub, its board and its radios.

export interface Port {
  readable: ReadableStream<Uint8Array> | null;
  writable: WritableStream<Uint8Array> | null;
}

export interface Device {
  firmware: string;
  version: string;
  chip: string;
  name: string;
}

export interface Network {
  name: string;
  strength_dbm: number;
  is_protected: boolean;
}

// What a pairing window gives.
export interface Credential {
  home: string;
  device: string;
  host: string;
  port: number;
  user: string;
  password: string;
  certificate: string; // PEM
}

export type Kind = 'state' | 'error' | 'command' | 'result';
export interface Frame {
  kind: Kind;
  data: Uint8Array;
}

const magic = new TextEncoder().encode('IMPROV');
const version = 1;
const kinds: Kind[] = ['state', 'error', 'command', 'result'];
const commands = { join: 1, state: 2, device: 3, scan: 4, hub: 0x80, certificate: 0x81, board: 0x82, bluetooth: 0x83, lorawan: 0x84, cellular: 0x85, settings: 0x86 };
type Command = keyof typeof commands;
const says_why: Command[] = ['board', 'bluetooth', 'lorawan', 'cellular'];

const errors: Record<number, string> = {
  1: 'The meter did not understand. Install its newest firmware.',
  2: 'The meter cannot do this yet. Install its newest firmware.',
  3: 'The meter could not join this network. Check the password, and that the network has 2.4 GHz.',
  4: 'The meter waits for its button to be pressed.',
  0xff: 'The meter could not keep this. Restart it and try again.',
};

const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all + byte) & 0xff, 0);

export function framed(kind: Kind, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(magic.length + 3 + data.length + 2);
  frame.set(magic);
  frame.set([version, kinds.indexOf(kind) + 1, data.length], magic.length);
  frame.set(data, magic.length + 3);
  frame[frame.length - 2] = sum(frame.subarray(0, frame.length - 2));
  frame[frame.length - 1] = 0x0a;
  return frame;
}

function command(word: Command, payload: Uint8Array): Uint8Array {
  return framed('command', Uint8Array.of(commands[word], payload.length, ...payload));
}

function texts(...all: string[]): Uint8Array {
  const bytes = all.flatMap((text) => {
    const encoded = new TextEncoder().encode(text);
    return [encoded.length, ...encoded];
  });
  if (bytes.length > 250) throw new Error('A name or password is too long for the meter.');
  return Uint8Array.from(bytes);
}

// The texts of a result, after its command and length.
function texts_in(data: Uint8Array): string[] {
  const all: string[] = [];
  for (let at = 2; at < data.length; at += 1 + data[at]!) all.push(new TextDecoder().decode(data.subarray(at + 1, at + 1 + data[at]!)));
  return all;
}

// Picks frames out of a line that carries a log as well. What has a wrong checksum is passed over.
export class Frames {
  #kept: number[] = [];

  take(bytes: Uint8Array): Frame[] {
    this.#kept.push(...bytes);
    const found: Frame[] = [];
    for (;;) {
      const at = this.#begin();
      this.#kept.splice(0, at);
      const [number, type, length] = this.#kept.slice(magic.length, magic.length + 3);
      if ((number ?? version) !== version || !kinds[(type ?? 1) - 1]) {
        this.#kept.splice(0, 1);
        continue;
      }
      const end = magic.length + 3 + (length ?? 0);
      if (length === undefined || this.#kept.length <= end) return found;
      const frame = Uint8Array.from(this.#kept.slice(0, end));
      const is_sound = sum(frame) === this.#kept[end];
      if (is_sound) found.push({ kind: kinds[type! - 1]!, data: frame.subarray(magic.length + 3) });
      this.#kept.splice(0, is_sound ? end + 1 : 1);
    }
  }

  // Where the next frame begins, as far as has come.
  #begin(): number {
    for (let at = 0; at < this.#kept.length; ++at) {
      if (magic.every((byte, i) => at + i >= this.#kept.length || this.#kept[at + i] === byte)) return at;
    }
    return this.#kept.length;
  }
}

export const longest_certificate_part = 240;

// One command at a time. The port is open, and stays so.
export class Improv {
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #frames = new Frames();
  #heard: (frame: Frame) => void = () => {};
  #reading: Promise<void>;

  constructor(port: Port, private readonly patience_ms = 3000) {
    if (!port.readable || !port.writable) throw new Error('The cable is not connected.');
    this.#reader = port.readable.getReader();
    this.#writer = port.writable.getWriter();
    this.#reading = this.#read();
  }

  async #read() {
    for (;;) {
      const { value, done } = await this.#reader.read().catch(() => ({ value: undefined, done: true }));
      if (done) return;
      for (const frame of this.#frames.take(value ?? new Uint8Array())) this.#heard(frame);
    }
  }

  // The results up to the one that `is_last` says is the last.
  async #ask(word: Command, payload: Uint8Array, patience_ms = this.patience_ms, is_last = (_: string[]) => true): Promise<string[][]> {
    const results: string[][] = [];
    let is_refused = false;
    const answered = new Promise<string[][]>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('The meter does not answer over the cable. Press its reset button and try again.')),
        patience_ms,
      );
      this.#heard = ({ kind, data }) => {
        // It says why in the result that follows.
        if (kind === 'error' && data[0] === 0xff && says_why.includes(word)) {
          is_refused = true;
          return;
        }
        if (kind === 'error' && data[0]) {
          clearTimeout(timer);
          reject(new Error(errors[data[0]] ?? `The meter refused (${data[0]}).`));
        }
        if (kind !== 'result' || data[0] !== commands[word]) return;
        if (is_refused) {
          clearTimeout(timer);
          reject(new Error(texts_in(data).join(' ') || errors[0xff]));
          return;
        }
        results.push(texts_in(data));
        if (!is_last(results.at(-1)!)) return;
        clearTimeout(timer);
        resolve(results);
      };
    });
    answered.catch(() => {}); // It may be refused while the command is still being written.
    await this.#writer.write(command(word, payload));
    return answered.finally(() => (this.#heard = () => {}));
  }

  async device(): Promise<Device> {
    const [[firmware = '', number = '', chip = '', name = ''] = []] = await this.#ask('device', new Uint8Array());
    return { firmware, version: number, chip, name };
  }

  // Strongest first, each name once.
  async networks(): Promise<Network[]> {
    const told = await this.#ask('scan', new Uint8Array(), 15_000, (one) => one.length === 0);
    const all = told.filter((one) => one.length === 3)
      .map(([name, dbm, locked]) => ({ name: name!, strength_dbm: Number(dbm), is_protected: locked === 'YES' }))
      .sort((a, b) => b.strength_dbm - a.strength_dbm);
    return all.filter((one, i) => one.name && all.findIndex((other) => other.name === one.name) === i);
  }

  async join(network: string, password: string): Promise<void> {
    await this.#ask('join', texts(network, password), 40_000);
  }

  async give_hub({ home, device, host, port, password, certificate }: Credential): Promise<void> {
    const pem = new TextEncoder().encode(certificate);
    for (let at = 0; at < pem.length; at += longest_certificate_part) {
      const part = pem.subarray(at, at + longest_certificate_part);
      await this.#ask('certificate', Uint8Array.of(at & 255, at >> 8, pem.length & 255, pem.length >> 8, ...part));
    }
    await this.#ask('hub', texts(`mqtts://${host}:${port}`, home, device, password));
  }

  // What radios.ts reads.
  async settings(): Promise<string[]> {
    const [texts = []] = await this.#ask('settings', new Uint8Array());
    return texts;
  }

  // Returns what there is to take care of.
  async set(what: 'board' | 'bluetooth' | 'lorawan' | 'cellular', bytes: Uint8Array): Promise<string[]> {
    const [remarks = []] = await this.#ask(what, bytes);
    return remarks;
  }

  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
    await this.#reading;
    this.#reader.releaseLock();
    this.#writer.releaseLock();
  }
}
