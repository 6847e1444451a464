import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { pack_build, tar } from './build_folder';
import { flash, partitions, table_at, type Build, type Loader, type Piece } from './flash';

const partition = (name: string, offset: number, bytes: number): number[] => {
  const entry = new Uint8Array(32);
  entry.set([0xaa, 0x50, 1, 2]);
  new DataView(entry.buffer).setUint32(4, offset, true);
  new DataView(entry.buffer).setUint32(8, bytes, true);
  entry.set(new TextEncoder().encode(name), 12);
  return [...entry];
};
const table = (...entries: number[][]): Uint8Array => Uint8Array.from([...entries.flat(), ...Array<number>(64).fill(0xff)]);

const files: Record<number, Uint8Array> = {
  0x1000: new Uint8Array(300).fill(1),
  [table_at]: table(partition('nvs', 0x9000, 0x6000), partition('cal', 0x320000, 0x4000)),
  0x20000: new Uint8Array(700).fill(2),
};
const build: Build = {
  build: 'b', project: 'lenz_meter', version: '0.3.1', chip: 'esp32s3', added: 0, flash_mode: 'dio', flash_size: '4MB', flash_freq: '40m', command: '',
  parts: Object.entries(files).map(([offset, bytes]) => ({
    offset: Number(offset), name: `part-${offset}`, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'),
  })),
};
const get = async ({ offset }: { offset: number }) => files[offset]!;

function chip({ name = 'ESP32-S3', on_it = table(partition('cal', 0x320000, 0x4000)), fails = false } = {}) {
  const written: Piece[] = [];
  const read: number[][] = [];
  const loader: Loader = {
    chip: async () => name,
    read: async (offset, bytes) => (read.push([offset, bytes]), on_it),
    write: async (pieces, _, progress) => {
      for (const [i, piece] of pieces.entries()) {
        if (fails && i === 1) throw new Error('The cable went.');
        written.push(piece);
        progress(i, 0.5);
        progress(i, 1);
      }
    },
    leave: async () => {},
  };
  return { loader, written, read };
}

test('each part goes to its own offset, and nothing else is written', async () => {
  const { loader, written, read } = chip();
  const shares: number[] = [];

  await flash(loader, build, get, (share) => shares.push(share));

  expect(written.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([[0x1000, 300], [0x8000, 128], [0x20000, 700]]);
  expect(read).toEqual([[table_at, 0xc00]]);
  expect(shares.at(0)).toBeCloseTo(150 / 1128);
  expect(shares.at(-1)).toBe(1);
  expect([...shares].sort((a, b) => a - b)).toEqual(shares);
});

test('firmware for another chip is not written', async () => {
  const { loader, written } = chip({ name: 'ESP32' });

  await expect(flash(loader, build, get, () => {})).rejects.toThrow('for ESP32S3, and an ESP32 is connected');
  expect(written).toEqual([]);
});

test('a part that came damaged is not written', async () => {
  const { loader, written } = chip();

  await expect(flash(loader, build, async (part) => (await get(part)).map((byte) => byte ^ 1), () => {})).rejects.toThrow('part-4096 came damaged');
  await expect(flash(loader, build, async () => new Uint8Array(), () => {})).rejects.toThrow('came damaged');
  expect(written).toEqual([]);
});

test('calibration that the new firmware would not find is not left behind', async () => {
  for (const on_it of [table(partition('cal', 0x310000, 0x4000)), table(partition('cal', 0x320000, 0x2000))]) {
    const { loader, written } = chip({ on_it });
    await expect(flash(loader, build, get, () => {})).rejects.toThrow('calibration in another place');
    expect(written).toEqual([]);
  }
});

test('a chip without calibration takes any firmware', async () => {
  for (const on_it of [new Uint8Array(0xc00).fill(0xff), table(partition('nvs', 0x9000, 0x6000))]) {
    const { loader, written } = chip({ on_it });
    await flash(loader, build, get, () => {});
    expect(written.length).toBe(3);
  }
});

test('an error of the cable is passed on', async () => {
  const { loader } = chip({ fails: true });

  await expect(flash(loader, build, get, () => {})).rejects.toThrow('The cable went.');
});

test('a partition table ends where its entries end', () => {
  expect(partitions(files[table_at]!)).toEqual([
    { name: 'nvs', offset: 0x9000, bytes: 0x6000 },
    { name: 'cal', offset: 0x320000, bytes: 0x4000 },
  ]);
  expect(partitions(new Uint8Array())).toEqual([]);
});

const chosen = (path: string, content: string) => ({
  webkitRelativePath: path, name: path.split('/').at(-1)!,
  text: async () => content, arrayBuffer: async () => new TextEncoder().encode(content).buffer as ArrayBuffer,
});

test('of a folder only what its description lists is sent', async () => {
  const packed = await pack_build([
    chosen('build/other/flasher_args.json', 'another'), chosen('build/lenz.elf', 'large'), chosen('build/app.bin', 'app'),
    chosen('build/flasher_args.json', JSON.stringify({ flash_files: { '0x1000': 'boot/boot.bin', '0x20000': 'app.bin', '0x30000': 'gone.bin' } })),
    chosen('build/boot/boot.bin', 'boot'),
  ]);

  const headers = [0, 1024, 2048].map((at) => new TextDecoder().decode(packed.subarray(at, at + 100)).replaceAll('\0', ''));
  expect(headers).toEqual(['flasher_args.json', 'boot/boot.bin', 'app.bin']);
  expect(new TextDecoder().decode(packed.subarray(2560, 2563))).toBe('app');
  expect(packed.length).toBe(3 * 1024 + 1024);
});

test('a folder without a description is none of a build', async () => {
  await expect(pack_build([chosen('build/app.bin', 'app')])).rejects.toThrow('no flasher_args.json');
});

test('a tar has the checksum of each header', () => {
  const header = tar([{ name: 'a', bytes: new Uint8Array(1) }]).subarray(0, 512);
  const told = parseInt(new TextDecoder().decode(header.subarray(148, 154)), 8);
  expect(header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)).toBe(told);
});
