/** The bench's command line. */
import { parseArgs } from 'node:util';
import { type Scenario, SCENARIOS, type Variant, VARIANTS } from './bench-plan.ts';

export interface Options {
  /** Per variant and scenario. */
  readonly runs: number;
  /** One lab after the other. */
  readonly links: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly variants: readonly Variant[];
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
}

export class WrongUsage extends Error {}

export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runs: { type: 'string', default: '15' },
      scenario: { type: 'string', default: '' },
      variant: { type: 'string', default: VARIANTS.join() },
      link: { type: 'string', default: '1gbit' },
      accelerator: { type: 'string', default: 'auto' },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new WrongUsage('--runs takes a whole number from 1 on.');
  const accelerator = (['auto', 'kvm', 'tcg'] as const).find((one) => one === values.accelerator);
  if (accelerator === undefined) throw new WrongUsage('--accelerator takes auto, kvm or tcg.');
  const named = values.variant.split(',');
  const variants = VARIANTS.filter((variant) => named.includes(variant));
  if (variants.length !== named.length) throw new WrongUsage(`--variant takes some of ${VARIANTS.join()}.`);
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.scenario));
  if (scenarios.length === 0) {
    throw new WrongUsage(`--scenario takes a part of one of these: ${SCENARIOS.map(({ name }) => name).join('; ')}.`);
  }
  return { runs, links: values.link.split(','), scenarios, variants, accelerator };
}
