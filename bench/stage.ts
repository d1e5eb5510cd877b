/** What all contenders of a run share: the services behind them, the tools, a place for files. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateFiles, writeCertificate } from './certificate.ts';
import { startOrigin } from './nginx.ts';
import { accepting, freePort } from './ports.ts';
import { createProcesses, type Processes } from './processes.ts';
import { compileLoad, findTools, type ToolName } from './tools.ts';

/** The body that HTTP rows fetch at /large. */
const LARGE_BODY_BYTES = 1024 * 1024;
/** And at /small. */
const SMALL_BODY = 'Hello from behind the wall';

export interface Stage {
  readonly processes: Processes;
  readonly directory: string;
  /** The compiled load generator. */
  readonly loadProgram: string;
  readonly largeBodySha256: string;
  /** The path of a tool; the tools of the chosen rows were found at the start. */
  tool(name: ToolName): string;
  /** The port of the TCP service that the load generator talks to. */
  targetPort(): Promise<number>;
  /** The port of the HTTP service with /small and /large. */
  originPort(): Promise<number>;
  certificate(): Promise<CertificateFiles>;
  /** Stops every process and removes the files. */
  close(): Promise<void>;
  /** As `close`, without waiting. */
  abandon(): void;
}

export async function createStage(toolNames: readonly ToolName[]): Promise<Stage> {
  const tools = findTools(['cc', ...toolNames]);
  const tool = (name: ToolName): string => {
    const path = tools.get(name);
    if (path === undefined) throw new Error(`the row that uses ${name} does not list it as a tool`);
    return path;
  };
  const processes = createProcesses();
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  chmodSync(directory, 0o755); // nginx's worker reads the large body as another user
  const removeFiles = (): void => rmSync(directory, { recursive: true, force: true });

  const largeBody = pseudoRandomBytes(LARGE_BODY_BYTES);
  const bodies = join(directory, 'bodies');
  mkdirSync(bodies);
  writeFileSync(join(bodies, 'large'), largeBody);

  try {
    const loadProgram = await compileLoad(tool('cc'), processes, directory);
    const stage: Stage = {
      processes,
      directory,
      loadProgram,
      largeBodySha256: createHash('sha256').update(largeBody).digest('hex'),
      tool,
      targetPort: once(async () => {
        const port = await freePort();
        processes.start({ name: 'target', path: loadProgram, args: ['target', String(port)] });
        await accepting(port);
        return port;
      }),
      originPort: once(async () => {
        const origin = await startOrigin(stage, bodies, SMALL_BODY);
        return origin.port;
      }),
      certificate: once(() => writeCertificate(directory)),
      async close() {
        await processes.stopAll();
        removeFiles();
      },
      abandon() {
        processes.killAll();
        removeFiles();
      },
    };
    return stage;
  } catch (error) {
    removeFiles();
    throw error;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}

/** The same bytes in every run, without a pattern that a mistake could hide in. */
function pseudoRandomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let state = 2_463_534_242;
  for (let at = 0; at < count; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return bytes;
}
