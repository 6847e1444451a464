import { expect, test } from 'vitest';
import { board_bytes, bluetooth_bytes, cellular_bytes, clamps, lorawan_bytes, read_settings, type Lorawan } from './radios';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

// The same bytes as in firmware/radio_settings_test: channels 0 and 9 are mains; US915, the second eight channels, port 10, 30 s a day.
const lorawan: Lorawan = {
  mains: [1, 10], dev_eui: '0a0b0c0d0e0f1011', join_eui: '1415161718191a1b', app_key: '1e1f202122232425262728292a2b2c2d',
  region: 1, is_dwell_limited: true, sub_bands: 2, port: 10, seconds_a_day: 30,
};
const lorawan_hex = '010200000000' + '0a0b0c0d0e0f1011' + '1415161718191a1b' + '1e1f202122232425262728292a2b2c2d' + '01' + '01' + '0200' + '0a' + '1e000000';
const board_hex = '063cffff0c23' + 'ff'.repeat(14);

test('each radio is given the bytes that the firmware reads', () => {
  expect(hex(lorawan_bytes(lorawan))).toBe(lorawan_hex);
  expect(hex(cellular_bytes({ kilobytes_a_month: 0x1388, access_point: 'iot.operator-1' }))).toBe('88130000' + hex(new TextEncoder().encode('iot.operator-1')));
  expect(hex(bluetooth_bytes({ mains: [42], key: null }))).toBe('000000000002');
  expect(hex(bluetooth_bytes({ mains: [], key: '00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff' }))).toBe('00000000000000112233445566778899aabbccddeeff');
  expect(hex(board_bytes({ name: '6ch', add_ons: 6, line_frequency: 60, led: 255, button: 255, transmit: 12, receive: 35, selects: [255, 7, 255] }))).toBe('03' + '366368' + '063cffff0c23' + 'ff07');
});

test('what a meter tells is what it was given, but for keys', () => {
  const told = read_settings(['000000000002' + '0'.repeat(32), lorawan_hex.replace(lorawan.app_key, '0'.repeat(32)), '-', '6ch', board_hex]);

  expect(told.bluetooth).toEqual({ mains: [42], key: '' });
  expect(told.lorawan).toEqual({ ...lorawan, app_key: '' });
  expect(told.cellular).toBe('absent');
  expect(told.board).toEqual({ name: '6ch', add_ons: 6, line_frequency: 60, led: 255, button: 255, transmit: 12, receive: 35, selects: new Array(14).fill(255) });
  expect(read_settings(['', '', '', '6ch', board_hex]).cellular).toBe('off');
});

test('a key of another length and a clamp that cannot be are said before anything is sent', () => {
  expect(() => lorawan_bytes({ ...lorawan, app_key: '' })).toThrow('The AppKey, which a meter does not tell, has 32 hexadecimal digits.');
  expect(() => lorawan_bytes({ ...lorawan, dev_eui: 'xyz' })).toThrow('The DevEUI has 16');
  expect(() => bluetooth_bytes({ mains: [], key: '' })).toThrow('The bind key has 32');
  expect(clamps('1, 2 42')).toEqual([1, 2, 42]);
  expect(() => clamps('43')).toThrow('from 1 to 42');
});
