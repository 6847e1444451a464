// From a step on a simulated circuit to the changed number on the page: `node bench/latency.mjs [toggles]`.
//
// The demo's house "step" switches between 100 W and 1,100 W at whole multiples of 3,700 ms since
// 1970, on this machine's clock. The chips average over 16 mains cycles and the meter samples once a
// second, so a step is first seen in the sample that follows it; up to 1 s and one chip's window of
// the time measured is that wait. What is printed beyond it is what Lenz itself adds.

import { open_browser, open_page, sentence, start_demo } from '../tests/journey/demo.mjs';

const period_ms = 3700;
const sampling_ms = 1000;
const toggles = Number(process.argv[2] ?? 40);

const demo = await start_demo('--house', 'step');
const browser = await open_browser();
try {
  const page = await open_page(browser, demo.link);
  await sentence(page);

  // A sample whose window straddles a step shows a power between the two: one step, seen in two
  // changes, of which the first counts.
  const seen = await page.evaluate(({ wanted }) => new Promise((done) => {
    const watts = () => {
      const [, number, unit] = /([\d.,]+)\s*(k?W)/.exec(document.querySelector('h1 strong').innerText);
      return Number(number.replace(',', '')) * (unit === 'kW' ? 1000 : 1);
    };
    const times = [];
    let last = watts();
    new MutationObserver(() => {
      const now = watts();
      const is_step = Math.abs(now - last) > 300 && Date.now() - (times.at(-1) ?? 0) > 1500;
      last = now;
      if (is_step && times.push(Date.now()) === wanted) done(times);
    }).observe(document.querySelector('h1'), { subtree: true, childList: true, characterData: true });
  }), { wanted: toggles + 1 });

  const steps = seen.slice(1); // The first may have been half over when the watch began.
  const spacing = (steps.at(-1) - steps[0]) / (steps.length - 1);
  if (Math.abs(spacing - period_ms) > 0.05 * period_ms) {
    throw new Error(`the load switches every ${Math.round(spacing)} ms, not every ${period_ms} ms, or a step was missed`);
  }
  const delays = steps.map((time) => time % period_ms).sort((a, b) => a - b);
  const quantile = (share) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))];
  const line = (name, ms) => console.log(`${name.padEnd(8)} ${String(Math.round(ms)).padStart(6)} ms after the step, ` +
    `${String(Math.max(0, Math.round(ms - sampling_ms))).padStart(5)} ms beyond the sampling interval`);
  console.log(`${delays.length} steps of 1,000 W, from the circuit to the number on the page:`);
  line('median', quantile(0.5));
  line('p95', quantile(0.95));
  line('longest', delays.at(-1));
} finally {
  await browser.close();
  await demo.stop();
  demo.remove();
}
