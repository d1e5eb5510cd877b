/** The server's end of a session whose control stream a test plays by hand. */
import type { TestContext } from 'node:test';
import { encodeMessage, MessageReader } from '../../src/attach/message-reader.ts';
import { readControlMessage, type ControlMessage } from '../../src/attach/messages.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { Stream } from '../../src/session/session.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import type { Link } from '../../src/transport/link.ts';
import { connectLinks } from './links.ts';
import { until } from './wait.ts';

export interface ScriptedServer {
  readonly session: YamuxSession;
  /** What the client has said on the control stream. */
  readonly heard: ControlMessage[];
  /** How the session ended at this end: empty while it lives. */
  readonly endings: (SallyportError | null)[];
  /** The client's control stream; there is one once something was heard. */
  control(): Stream;
  /** Says anything on the control stream. */
  say(message: unknown): void;
  /** The client's message of that number, counted from 0. */
  hears(n: number): Promise<ControlMessage>;
}

export const welcome = { type: 'welcome', version: 1, session: 's1', program: 'srv', features: [] };

/** Connects; `answer` is called for each message of the client. The link is the client's end. */
export async function startScriptedServer(
  t: TestContext,
  answer: (message: ControlMessage, server: ScriptedServer) => void = () => {},
): Promise<{ link: Link; server: ScriptedServer; cut(): void }> {
  const { dialled, accepted, cut } = await connectLinks(t, 'onread', 'zero');
  const heard: ControlMessage[] = [];
  const endings: (SallyportError | null)[] = [];
  let control: Stream | null = null;
  const session = new YamuxSession(accepted, {
    client: false,
    events: {
      accept(stream) {
        control = stream;
        return new MessageReader(stream, {
          message(value) {
            const message = readControlMessage(value);
            heard.push(message);
            answer(message, server);
            return null;
          },
          broken: (error) => session.close(error),
          finished() {},
          reset() {},
          drained() {},
        });
      },
      goneAway() {},
      closed: (error) => void endings.push(error),
    },
  });
  const server: ScriptedServer = {
    session,
    heard,
    endings,
    control: () => control!,
    say: (message) => control!.send(encodeMessage(message)),
    async hears(n) {
      await until(`the client says its message ${n}`, () => heard.length > n);
      return heard[n];
    },
  };
  return { link: dialled, server, cut };
}
