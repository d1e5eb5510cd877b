/**
 * A server that speaks reverst, in the process of the test. The process for QUIC is played by hand: its
 * clients greet the dialect and answer the requests that come on their links.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { acceptStream } from '../../src/attach/stream-head.ts';
import type { Dialect } from '../../src/compat/dialect.ts';
import {
  createReverstServer,
  type ReverstServerOptions,
} from '../../src/compat/reverst/dialect.ts';
import { createPlaces } from '../../src/compat/reverst/groups-places.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { Server } from '../../src/server/handle.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import type { Stream } from '../../src/session/session.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { composeServer } from './composition.ts';
import { temporaryFolder } from './files.ts';
import { connectPlainLinks } from './plain-links.ts';
import { parseGroups } from './reverst-groups.ts';

export interface PlayedMember {
  /** Why it was ended; undefined while it was not. */
  readonly ended: SallyportError | null | undefined;
  /** Requests that came, by their first lines. */
  readonly requests: string[];
  leave(): void;
  goAway(): void;
}

export interface ReverstStage {
  readonly server: Server;
  readonly folder: string;
  readonly dialect: Dialect;
  /** Puts another file in the place of the groups. */
  write(groups: string): void;
  /** Registers a client whose answers have its name as their body. Rejects with what it is refused with. */
  join(name: string, group: string, authorization?: string | null): Promise<PlayedMember>;
}

/** The text of a groups file. */
export const groupsFile = (...groups: string[]): string => `groups:\n${groups.join('')}`;

export async function composeReverst(
  t: TestContext,
  groups: string,
  options: Partial<ServerOptions> = {},
  own: Partial<ReverstServerOptions> = {},
): Promise<ReverstStage> {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'groups.yml');
  const write = (text: string): void => {
    fs.writeFileSync(`${file}.next`, text);
    fs.renameSync(`${file}.next`, file);
  };
  write(groups);
  const factory = createReverstServer({
    groups: 'groups.yml',
    places: createPlaces({
      directory: folder,
      parse: parseGroups,
      watch: true,
      cluster() {
        throw new Error('no cluster in this test');
      },
    }),
    ...own,
  });
  let dialect!: Dialect;
  const server = await composeServer(t, {
    dialects: [async (host) => (dialect = await factory(host))],
    ...options,
  });
  let port = 1000;

  return {
    server,
    folder,
    dialect,
    write,
    async join(name, group, authorization = null) {
      const peer = `192.0.2.7:${++port}`;
      const greeting = { dialect: 'reverst', group, authorization, peer };
      const take = await dialect.quic!.admit(greeting);
      const { dialled, accepted } = await connectPlainLinks(t);
      const requests: string[] = [];
      let ended: SallyportError | null | undefined;
      const session = new YamuxSession(dialled, {
        client: true,
        events: {
          accept: (stream) => answerer(stream, name, requests),
          goneAway() {},
          closed: (error) => (ended = error),
        },
      });
      take(accepted);
      return {
        get ended() {
          return ended;
        },
        requests,
        leave: () => session.close(null),
        goAway: () => session.goAway(),
      };
    },
  };
}

/** Answers one request of HTTP/1.1 when its head is there. */
function answerer(stream: Stream, body: string, requests: string[]) {
  let text = '';
  acceptStream(stream);
  return {
    data(slab: { bytes: Buffer }, start: number, end: number) {
      stream.credit(end - start);
      if (text.includes('\r\n\r\n')) return;
      text += slab.bytes.toString('latin1', start, end);
      if (!text.includes('\r\n\r\n')) return;
      requests.push(text.slice(0, text.indexOf('\r\n')));
      const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
      stream.send(Buffer.from(head + body));
      stream.end();
    },
    finished() {},
    reset() {},
    drained() {},
  };
}
