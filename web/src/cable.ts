// A meter at a USB cable, as far as the browser reaches one.

import { Improv } from './improv';

const improv_rate = 115_200;

// A person chooses the port, which is open while `work` speaks with the meter.
export async function over_cable(work: (improv: Improv) => Promise<void>): Promise<void> {
  const port = await navigator.serial.requestPort();
  await port.open({ baudRate: improv_rate });
  try {
    const improv = new Improv(port);
    try {
      await work(improv);
    } finally {
      await improv.close();
    }
  } finally {
    await port.close().catch(() => {});
  }
}

// Nobody chose a cable: nothing went wrong.
export const nothing_chosen = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotFoundError';
