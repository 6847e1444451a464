// esptool-js as our Loader. Loaded only when somebody flashes, since it is larger than the page.

import { ESPLoader, Transport } from 'esptool-js';
import type { FlashFreqValues, FlashModeValues, FlashSizeValues } from 'esptool-js';
import type { Loader } from './flash';

const baudrate = 460_800;

export function esptool(port: SerialPort): Loader {
  const transport = new Transport(port);
  const loader = new ESPLoader({ transport, baudrate });
  return {
    async chip() {
      await loader.main();
      return loader.chip.CHIP_NAME;
    },
    read: (offset, bytes) => loader.readFlash(offset, bytes),
    async write(pieces, how, progress) {
      await loader.writeFlash({
        fileArray: pieces.map(({ offset, bytes }) => ({ address: offset, data: bytes })),
        flashMode: how.flash_mode as FlashModeValues,
        flashFreq: how.flash_freq as FlashFreqValues,
        flashSize: how.flash_size as FlashSizeValues,
        eraseAll: false,
        compress: true,
        reportProgress: (piece, written, total) => progress(piece, total > 0 ? written / total : 1),
      });
    },
    async leave() {
      await loader.after('hard_reset').catch(() => {});
      await transport.disconnect().catch(() => {});
    },
  };
}
