// How a meter is built and which radios it uses, as Improv's commands 0x82 to 0x86 have it (firmware/README.md): numbers with
// their low byte first, keys and identities as they are printed.

export const regions = ['EU868', 'US915', 'AU915', 'AS923', 'IN865'];
export const boards: Record<string, string> = { '6ch': '6 channels', '6ch-lilygo': '6 channels, Ethernet by Lilygo', '6ch-waveshare': '6 channels, Ethernet by Waveshare', split: 'split single-phase' };
export const no_pin = 255;
const key_bytes = 16;
const most_clamps = 42;

export interface Bluetooth {
  mains: number[]; // Clamps, from 1.
  key: string | null; // 32 hexadecimal digits; empty: there is one, which cannot be read; null: adverts are for everybody.
}
export interface Lorawan {
  mains: number[];
  dev_eui: string;
  join_eui: string;
  app_key: string; // Empty as it is read: it is not told.
  region: number;
  is_dwell_limited: boolean;
  sub_bands: number; // Bit b: the eight channels from 8 b on.
  port: number;
  seconds_a_day: number; // On the air.
}
export interface Cellular {
  kilobytes_a_month: number;
  access_point: string;
}
export interface Board {
  name: string;
  add_ons: number;
  line_frequency: number;
  led: number;
  button: number;
  transmit: number; // Of the modem.
  receive: number;
  selects: number[]; // Of the chips, where jumpers are set otherwise than in the board's map.
}

export type Radio<Settings> = 'absent' | 'off' | Settings; // Absent: the image was built without it.
export interface Settings {
  bluetooth: Radio<Bluetooth>;
  lorawan: Radio<Lorawan>;
  cellular: Radio<Cellular>;
  board: Board;
}

const number_in = (bytes: Uint8Array): number => bytes.reduceRight((all, byte) => all * 256 + byte, 0);
const bytes_of = (value: number, size: number): number[] => Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) & 255);
const digits = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const from_digits = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (two) => parseInt(two, 16));

function key_in(text: string, size: number, what: string): Uint8Array {
  const plain = text.replaceAll(/[\s:-]/g, '');
  if (!new RegExp(`^[0-9a-fA-F]{${2 * size}}$`).test(plain)) throw new Error(`${what} has ${2 * size} hexadecimal digits.`);
  return from_digits(plain);
}

const clamps_in = (bytes: Uint8Array): number[] => Array.from({ length: most_clamps }, (_, c) => c + 1).filter((c) => (bytes[(c - 1) >> 3]! >> ((c - 1) & 7)) & 1);
const clamps_of = (clamps: number[]): number[] => {
  const bytes = new Array<number>(6).fill(0);
  for (const clamp of clamps) bytes[(clamp - 1) >> 3]! |= 1 << ((clamp - 1) & 7);
  return bytes;
};

// "1, 2": clamps as the page calls them.
export function clamps(text: string): number[] {
  const all = text.split(/[\s,]+/).filter((word) => word !== '').map(Number);
  if (all.some((one) => !Number.isInteger(one) || one < 1 || one > most_clamps)) throw new Error(`Clamps are numbers from 1 to ${most_clamps}, such as 1, 2.`);
  return all;
}

function radio<One>(text: string, read: (bytes: Uint8Array) => One): Radio<One> {
  return text === '-' ? 'absent' : text === '' ? 'off' : read(from_digits(text));
}

// The texts of the meter's answer to 0x86.
export function read_settings([bluetooth = '-', lorawan = '-', cellular = '-', name = '', board = '']: string[]): Settings {
  const built = from_digits(board);
  return {
    bluetooth: radio(bluetooth, (bytes) => ({ mains: clamps_in(bytes), key: bytes.length > 6 ? '' : null })),
    lorawan: radio(lorawan, (bytes) => ({
      mains: clamps_in(bytes), dev_eui: digits(bytes.subarray(6, 14)), join_eui: digits(bytes.subarray(14, 22)), app_key: '',
      region: bytes[38]!, is_dwell_limited: bytes[39] === 1, sub_bands: number_in(bytes.subarray(40, 42)), port: bytes[42]!, seconds_a_day: number_in(bytes.subarray(43, 47)),
    })),
    cellular: radio(cellular, (bytes) => ({ kilobytes_a_month: number_in(bytes.subarray(0, 4)), access_point: new TextDecoder().decode(bytes.subarray(4)) })),
    board: { name, add_ons: built[0]!, line_frequency: built[1]!, led: built[2]!, button: built[3]!, transmit: built[4]!, receive: built[5]!, selects: Array.from(built.subarray(6)) },
  };
}

export const bluetooth_bytes = ({ mains, key }: Bluetooth): Uint8Array =>
  Uint8Array.of(...clamps_of(mains), ...(key === null ? [] : key_in(key, key_bytes, 'The bind key')));

export const lorawan_bytes = (one: Lorawan): Uint8Array =>
  Uint8Array.of(
    ...clamps_of(one.mains), ...key_in(one.dev_eui, 8, 'The DevEUI'), ...key_in(one.join_eui, 8, 'The JoinEUI'), ...key_in(one.app_key, key_bytes, 'The AppKey, which a meter does not tell,'),
    one.region, one.is_dwell_limited ? 1 : 0, ...bytes_of(one.sub_bands, 2), one.port, ...bytes_of(one.seconds_a_day, 4),
  );

export const cellular_bytes = ({ kilobytes_a_month, access_point }: Cellular): Uint8Array =>
  Uint8Array.of(...bytes_of(kilobytes_a_month, 4), ...new TextEncoder().encode(access_point));

export function board_bytes({ name, add_ons, line_frequency, led, button, transmit, receive, selects }: Board): Uint8Array {
  const words = new TextEncoder().encode(name);
  const set = selects.slice(0, selects.findLastIndex((pin) => pin !== no_pin) + 1);
  return Uint8Array.of(words.length, ...words, add_ons, line_frequency, led, button, transmit, receive, ...set);
}
