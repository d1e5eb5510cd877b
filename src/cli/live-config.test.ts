import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { load, write } from '../../test/support/options.ts';
import { until } from '../../test/support/wait.ts';
import type { Loaded } from '../config/load.ts';
import type { OptionsOf } from '../config/schema.ts';
import { SallyportError } from '../errors.ts';
import type { SallyportEvent } from '../events/event.ts';
import { createEventLog } from '../events/log.ts';
import { followConfig } from './live-config.ts';

type Options = OptionsOf<'server'>;

let files = 0;

/** A server's configuration in a file of its own, followed. */
async function follow(t: TestContext, yaml: string) {
  const file = write(`live-${++files}.yaml`, yaml);
  const read = (): Promise<Loaded<Options>> => load('server', { flags: { config: file } });
  const applied: Options[] = [];
  const said: string[] = [];
  const told: unknown[] = [];
  const state = { refuse: null as SallyportError | null, reads: 0 };
  const events = createEventLog();
  events.listen((event: SallyportEvent) => {
    const { seq: _seq, time: _time, ...rest } = event;
    told.push(rest);
  });
  const note = (level: string) => (_fields: object, message: string) =>
    void said.push(`${level} ${message}`);
  const config = followConfig({
    loaded: await read(),
    load() {
      state.reads++;
      return read();
    },
    apply(options) {
      if (state.refuse !== null) throw state.refuse;
      applied.push(options);
    },
    events,
    log: { info: note('info'), warn: note('warn'), error: note('error') } as never,
  });
  t.after(() => config.close());
  // The one that makes up for changes during the start.
  await until('the first look is over', () => state.reads === 1);
  return Object.assign(state, { file, config, applied, said, told });
}

const identity = (name: string): string =>
  `identities: [{name: ${name}, token: sp_0123456789, roles: [agent], names: ['*']}]\n`;

describe('the file changes', () => {
  test('what is different is taken over, and told once', async (t) => {
    const live = await follow(t, identity('a'));
    fs.writeFileSync(live.file, identity('b'));
    await until('it is taken over', () => live.applied.length === 1);
    assert.equal(live.applied[0].identities?.[0].name, 'b');
    assert.deepEqual(live.told, [
      { type: 'config.reloaded', changed: ['identities'], restart: [] },
    ]);
    assert.deepEqual(live.said, ['info configuration reloaded']);
  });

  test('in nothing that counts: nothing is said', async (t) => {
    const live = await follow(t, identity('a'));
    fs.writeFileSync(live.file, `# Only words.\n${identity('a')}`);
    await until('it is read', () => live.reads === 2);
    assert.deepEqual([live.applied, live.said, live.told], [[], [], []]);
  });

  test('what needs a restart is named, and is not taken over', async (t) => {
    const live = await follow(t, 'domain: a.example\n');
    fs.writeFileSync(live.file, 'domain: b.example\ndrain_grace: 1s\n');
    await until('it is taken over', () => live.applied.length === 1);
    assert.deepEqual([live.applied[0].domain, live.applied[0].drainGrace], ['a.example', 1_000]);
    assert.deepEqual(live.said, ['warn configuration reloaded; some of it needs a restart']);
    assert.deepEqual(live.told, [
      { type: 'config.reloaded', changed: ['drain_grace'], restart: ['domain'] },
    ]);
    assert.deepEqual(live.config.restart, ['domain']);
  });
});

describe('a file that cannot be used keeps the old one', () => {
  test('every problem is told with its place, once; a good one mends it', async (t) => {
    const live = await follow(t, identity('a'));
    fs.writeFileSync(live.file, 'domian: x\nidentities: []\n');
    await until('it is refused', () => live.config.problems.length > 0);
    assert.equal(live.config.problems.length, 2);
    assert.match(live.config.problems[0], /live-\d+\.yaml:1:1: domian: is no option here/);
    assert.match(live.config.problems[1], /live-\d+\.yaml:2:13: identities: is empty/);
    assert.deepEqual(live.told, [{ type: 'config.refused', problems: live.config.problems }]);
    assert.deepEqual(live.said, ['error configuration not reloaded; the old one stays']);
    assert.equal(live.config.options.identities?.[0].name, 'a');

    fs.appendFileSync(live.file, '# A third line.\n');
    await until('it is read again', () => live.reads === 3);
    assert.equal(live.said.length, 1, 'the same again is no news');

    fs.writeFileSync(live.file, identity('a'));
    await until('it is good again', () => live.config.problems.length === 0);
    assert.deepEqual(live.told.at(-1), { type: 'config.reloaded', changed: [], restart: [] });
    assert.deepEqual(live.applied, []);
  });

  test('a file that is gone, or empty', async (t) => {
    const live = await follow(t, identity('a'));
    fs.rmSync(live.file);
    await until('it is missed', () => live.config.problems.length > 0);
    assert.match(live.config.problems[0], /no such file/);
    fs.writeFileSync(live.file, '');
    await until('it is read', () => live.config.problems[0]?.includes('is empty') ?? false);
    fs.writeFileSync(live.file, identity('b'));
    await until('the next good one is taken over', () => live.applied.length === 1);
  });

  test('one that the server refuses is tried again at the next reload', async (t) => {
    const live = await follow(t, identity('a'));
    live.refuse = new SallyportError('CONFIG_INVALID', 'policy: no such script');
    fs.writeFileSync(live.file, identity('b'));
    await until('it is refused', () => live.config.problems.length > 0);
    assert.deepEqual(live.config.problems, ['policy: no such script']);
    live.refuse = null;
    assert.deepEqual(await live.config.reload(), { changed: ['identities'], restart: [] });
    assert.equal(live.applied.length, 1);
  });
});

test('a file that the new configuration names is waited for', async (t) => {
  const live = await follow(t, identity('a'));
  fs.writeFileSync(live.file, `token: file:${live.file}.token\n`);
  await until('it is refused', () => live.config.problems.length > 0);
  fs.writeFileSync(`${live.file}.token`, 'sp_a-token-of-its-own\n', { mode: 0o600 });
  await until('it is taken over', () => live.applied.length === 1);
  assert.equal(live.applied[0].token, 'sp_a-token-of-its-own');
  fs.writeFileSync(`${live.file}.token`, 'sp_another-token-then\n');
  await until('its change is seen', () => live.applied.length === 2);
});

describe('asked for', () => {
  test('it answers what changed, also when that is nothing, and is told', async (t) => {
    const live = await follow(t, identity('a'));
    assert.deepEqual(await live.config.reload(), { changed: [], restart: [] });
    assert.deepEqual(live.said, ['info configuration reloaded']);
  });

  test('it rejects with what is wrong, each time', async (t) => {
    const live = await follow(t, identity('a'));
    fs.writeFileSync(live.file, 'domian: x\n');
    await assert.rejects(live.config.reload(), { code: 'CONFIG_INVALID', message: /domian/ });
    await assert.rejects(live.config.reload(), { code: 'CONFIG_INVALID', message: /domian/ });
    assert.equal(live.told.length, 2);
  });

  test('several at once are read twice at most: the second read sees what all of them meant', async (t) => {
    const live = await follow(t, identity('a'));
    const before = live.reads;
    const first = live.config.reload();
    fs.writeFileSync(live.file, identity('b'));
    const rest = [live.config.reload(), live.config.reload(), live.config.reload()];
    await first;
    assert.equal((await Promise.all(rest)).length, 3);
    assert.equal(live.config.options.identities?.[0].name, 'b');
    assert.equal(live.reads, before + 2);
  });
});
