/** The client's end of a session whose control stream a test plays by hand. */
import type { TestContext } from 'node:test';
import { encodeMessage, MessageReader } from '../../src/attach/message-reader.ts';
import { readControlMessage, type ControlMessage, type Hello } from '../../src/attach/messages.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { Stream, StreamReceiver } from '../../src/session/session.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import type { Link } from '../../src/transport/link.ts';
import { connectLinks } from './links.ts';
import { until } from './wait.ts';

export interface RawClient {
  readonly session: YamuxSession;
  /** What the server has said on the control stream. */
  readonly heard: ControlMessage[];
  /** How the session ended at this end: empty while it lives. */
  readonly endings: (SallyportError | null)[];
  /** Streams that the server opened. */
  readonly arrived: Stream[];
  /** Opens the control stream; `reads` false leaves everything that comes on it unread. */
  open(reads?: boolean): Stream;
  /** Says anything on the control stream, which it opens first where there is none. */
  say(message: unknown): void;
  hello(changed?: Partial<Hello>): void;
  /** The server's message of that number, counted from 0. */
  hears(n: number): Promise<ControlMessage>;
  /** How the session has ended; waits for it. */
  ending(): Promise<SallyportError | null>;
}

const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };

/** Connects; the link is the server's end. */
export async function connectRawClient(
  t: TestContext,
): Promise<{ link: Link; client: RawClient; cut(): void }> {
  const { dialled, accepted, cut } = await connectLinks(t, 'onread', 'zero');
  const heard: ControlMessage[] = [];
  const endings: (SallyportError | null)[] = [];
  const arrived: Stream[] = [];
  let control: Stream | null = null;
  const session = new YamuxSession(dialled, {
    client: true,
    events: {
      accept(stream) {
        arrived.push(stream);
        return nobody;
      },
      goneAway() {},
      closed: (error) => void endings.push(error),
    },
  });
  const handler = {
    message(value: unknown): null {
      heard.push(readControlMessage(value));
      return null;
    },
    broken: (error: SallyportError) => session.close(error),
    finished() {},
    reset() {},
    drained() {},
  };
  const client: RawClient = {
    session,
    heard,
    endings,
    arrived,
    open(reads = true) {
      control = session.open(nobody);
      if (reads) control.receiver = new MessageReader(control, handler);
      return control;
    },
    say: (message) => (control ?? client.open()).send(encodeMessage(message)),
    hello: (changed) =>
      client.say({
        type: 'hello',
        version: 1,
        role: 'agent',
        instance: 'i',
        epoch: 1,
        program: 'test/1',
        features: [],
        ...changed,
      }),
    async hears(n) {
      await until(`the server says its message ${n}`, () => heard.length > n);
      return heard[n];
    },
    async ending() {
      await until('the session ends', () => endings.length > 0);
      return endings[0];
    },
  };
  return { link: accepted, client, cut };
}
