// What the wiring doctor says, in words.

import { by_id, display_name, type Home } from './home';
import { minute } from './times';
import { count, duration } from './units';

// As docs/http_api.yaml has it.
export interface WiringFinding {
  fault: string;
  title: string;
  channels: number[];
  circuits: string[];
  where: string;
  evidence: string;
  fix: string;
  confidence: number;
}
export interface NotSeen {
  circuit: string | null;
  where: string;
  why: string;
}
export interface ExaminedMeter {
  device: string;
  until: number;
  minutes: number;
  is_enough: boolean;
  findings: WiringFinding[];
  not_seen: NotSeen[];
}
export interface Wiring {
  now: number;
  since: number | null; // It was changed then: nothing older counts.
  is_looking: boolean; // At newer samples than those that were examined.
  meters: ExaminedMeter[];
  without_clamp: NotSeen[];
}

// What one meter's samples showed. That nothing was found is no promise.
export function said_of_wiring({ minutes, is_enough, findings }: ExaminedMeter): string {
  if (minutes === 0) return 'There are no samples to look at yet.';
  const span = duration(minutes * minute);
  if (!is_enough) return `Only ${span} of samples are stored. It takes ten minutes, with something switched on and off behind each breaker.`;
  if (findings.length === 0) return `In ${span} of samples nothing wrong showed.`;
  return `In ${span} of samples ${count(findings.length)} ${findings.length === 1 ? 'thing looks' : 'things look'} wrong.`;
}

export const how_sure = (confidence: number): string => (confidence >= 0.95 ? 'Quite sure' : confidence >= 0.8 ? 'Likely' : 'Perhaps');

// Reasons with what they are the reason of, each reason once.
export function not_seen_by_reason(all: NotSeen[]): { why: string; where: string[] }[] {
  const reasons = new Map<string, string[]>();
  for (const { where, why } of all) reasons.set(why, [...(reasons.get(why) ?? []), where]);
  return [...reasons].map(([why, where]) => ({ why, where }));
}

// What is to be known of a circuit: what is wrong with its clamps, else why that is not seen.
export function lines_of_circuit(wiring: Wiring | null, home: Home, id: string): string[] {
  const circuit = by_id(home, id);
  if (!wiring || !circuit) return [];
  const found = wiring.meters.flatMap((meter) => meter.findings).filter((finding) => finding.circuits.includes(id));
  if (found.length > 0) return found.map((finding) => `${finding.where}: ${finding.title}. ${finding.fix}`);
  const unseen = wiring.meters.flatMap((meter) => meter.not_seen).filter((one) => one.circuit === id);
  return unseen.length > 0 ? [`Whether the clamp of ${display_name(circuit)} is right does not show. ${unseen[0]!.why}`] : [];
}
