// Writes a build of firmware to a chip, part by part, so that calibration and settings stay.

export interface Part {
  offset: number;
  name: string;
  bytes: number;
  sha256: string;
}

export interface Build {
  build: string;
  project: string;
  version: string;
  chip: string; // "esp32s3"
  added: number;
  flash_mode: string;
  flash_size: string;
  flash_freq: string;
  parts: Part[];
  command: string;
}

export interface Piece {
  offset: number;
  bytes: Uint8Array;
}

// What writes to a chip. The chip waits in its loader from the first call to leave().
export interface Loader {
  chip(): Promise<string>; // "ESP32-S3"
  read(offset: number, bytes: number): Promise<Uint8Array>;
  write(pieces: Piece[], how: Pick<Build, 'flash_mode' | 'flash_size' | 'flash_freq'>, progress: (piece: number, share: number) => void): Promise<void>;
  leave(): Promise<void>; // The chip starts what is on it; the port is closed.
}

export interface Partition {
  name: string;
  offset: number;
  bytes: number;
}

export const table_at = 0x8000;
const table_bytes = 0xc00;
const entry = 32;

// ESP-IDF's partition table; what follows its last entry is passed over.
export function partitions(table: Uint8Array): Partition[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const found: Partition[] = [];
  for (let at = 0; at + entry <= table.length && view.getUint16(at) === 0xaa50; at += entry) {
    const name = new TextDecoder().decode(table.subarray(at + 12, at + 28));
    found.push({ offset: view.getUint32(at + 4, true), bytes: view.getUint32(at + 8, true), name: name.slice(0, name.search(/\0|$/)) });
  }
  return found;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const as_word = (chip: string): string => chip.toLowerCase().replaceAll('-', '');

// Why the calibration on the chip would be lost; empty: it stays, or there is none.
export function calibration_lost(old: Partition[], next: Partition[]): string {
  const kept = old.find(({ name }) => name === 'cal');
  if (!kept) return '';
  const same = next.find(({ name }) => name === 'cal');
  if (same?.offset === kept.offset && same.bytes === kept.bytes) return '';
  return 'The meter has its calibration in another place than this firmware would look for it. Build with the partition table that is on the meter.';
}

// `get` gives the bytes of a part. Progress is the share of all bytes that is written, 0 to 1.
export async function flash(loader: Loader, build: Build, get: (part: Part) => Promise<Uint8Array>, progress: (share: number) => void): Promise<void> {
  const pieces: Piece[] = [];
  for (const part of build.parts) {
    const bytes = await get(part);
    if (bytes.length !== part.bytes || (await sha256(bytes)) !== part.sha256) {
      throw new Error(`${part.name} came damaged from the hub. Try again.`);
    }
    pieces.push({ offset: part.offset, bytes });
  }
  const chip = await loader.chip();
  if (as_word(chip) !== build.chip) {
    throw new Error(`This firmware is for ${build.chip.toUpperCase()}, and an ${chip} is connected. Choose another build.`);
  }
  const table = pieces.find(({ offset }) => offset === table_at);
  const lost = table ? calibration_lost(partitions(await loader.read(table_at, table_bytes)), partitions(table.bytes)) : '';
  if (lost) throw new Error(lost);
  const all = build.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  await loader.write(pieces, build, (piece, share) => {
    const before = build.parts.slice(0, piece).reduce((sum, { bytes }) => sum + bytes, 0);
    progress((before + share * build.parts[piece]!.bytes) / all);
  });
}
