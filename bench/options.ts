import { parseArgs } from 'node:util';

/** Settings of a whole run. */
export interface BenchOptions {
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  readonly only: string | undefined;
  readonly rounds: number;
  /** Milliseconds; `undefined` for each run's own. */
  readonly warmup: number | undefined;
  /** Milliseconds. */
  readonly window: number;
  readonly go: boolean;
  /** Whether references without a target are left out. */
  readonly targets: boolean;
  readonly help: boolean;
}

/** What `--help` prints. */
export const USAGE: string = `usage: npm run bench -- [options]

  --only PATTERN  only cases whose name, title or target (T1) matches this regular expression
  --targets       only what has a target
  --rounds N      rounds, each of which runs every case and its references once (default 7)
  --window MS     length of one measurement (default 800)
  --warmup MS     what passes before it (default 400 for bulk, 1500 for the rest of streams)
  --json FILE     write the comparisons there as JSON
  --markdown FILE write them there as tables
  --no-go         leave out the comparisons with programs in Go
  --help          print this

How to read the results: docs/benchmarks.md`;

/** Reads the command line. Throws for what it does not know. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      markdown: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      warmup: { type: 'string' },
      window: { type: 'string', default: '800' },
      targets: { type: 'boolean', default: false },
      'no-go': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    json: values.json,
    markdown: values.markdown,
    only: values.only,
    rounds: positive('rounds', values.rounds),
    warmup: values.warmup === undefined ? undefined : positive('warmup', values.warmup),
    window: positive('window', values.window),
    go: !values['no-go'],
    targets: values.targets,
    help: values.help,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} must be a whole number above 0, not ${text}`);
}
