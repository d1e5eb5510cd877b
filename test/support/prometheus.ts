/** A Prometheus that scrapes one server every second, with the alerts of this project. */
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFile, temporaryFolder } from './files.ts';
import { startPeer } from './peer.ts';
import { freePort } from './tcp-targets.ts';
import { until } from './wait.ts';

export interface Prometheus {
  /** What its HTTP API answers: the `data` of it. Rejects when it refuses. */
  ask(what: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
  /** The values of an expression now, by the labels named. */
  query(expression: string): Promise<Sample[]>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export const deploy = path.resolve(import.meta.dirname, '../../deploy');

/** `token`: what it shows to the server. */
export async function startPrometheus(
  t: TestContext,
  target: number,
  token?: string,
): Promise<Prometheus> {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'prometheus.yaml');
  copyFileSync(path.join(deploy, 'alerts.yaml'), path.join(folder, 'alerts.yaml'));
  writeFileSync(
    file,
    `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: sallyport
${token === undefined ? '' : `    authorization: { credentials_file: ${temporaryFile(t, 'token', token)} }\n`}    static_configs: [{ targets: ['127.0.0.1:${target}'] }]
`,
  );
  const port = await freePort();
  const listen = `--web.listen-address=127.0.0.1:${port}`;
  const storage = `--storage.tsdb.path=${path.join(folder, 'data')}`;
  await startPeer(t, ['prometheus', `--config.file=${file}`, listen, storage], port);
  // It listens before it has read what it keeps, and answers 503 until then.
  await until('Prometheus is ready', async () => {
    const { ok } = await fetch(`http://127.0.0.1:${port}/-/ready`);
    return ok;
  });

  async function ask(what: string, parameters: Readonly<Record<string, string>> = {}) {
    const url = `http://127.0.0.1:${port}/api/v1/${what}?${String(new URLSearchParams(parameters))}`;
    const { status, data, error } = (await (await fetch(url)).json()) as Answer;
    if (status !== 'success') throw new Error(`${what} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  return {
    ask,
    async query(expression) {
      const { result } = (await ask('query', { query: expression })) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
  };
}

interface Answer {
  readonly status: string;
  readonly data?: unknown;
  readonly error?: string;
}
