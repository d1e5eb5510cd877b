import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { describe, test } from 'node:test';
import { openAgentStreams } from '../../test/support/agent-streams.ts';
import { service } from '../../test/support/composition.ts';
import { noiseBytes } from '../../test/support/noise.ts';
import { startEcho, startTcpTarget } from '../../test/support/tcp-targets.ts';
import { until } from '../../test/support/wait.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../limits.ts';

describe('targets that the consumer chooses', () => {
  test('without a rule nothing is dialled, not even the service’s own target', async (t) => {
    const own = await startEcho(t);
    const { visit, line } = await openAgentStreams(t, [service('box', own.address)]);
    for (const target of [own.address, `localhost:${own.port}`, '127.1:22', '[::1]:22']) {
      const { code } = await visit({ target }).refusal();
      assert.ok(code === 'TARGET_DENIED' || code === 'USAGE', `${target}: ${code}`);
    }
    assert.equal((await line(0)).outcome, 'TARGET_DENIED');
    assert.equal(own.accepted(), 0);
  });

  test('an address that a rule allows is dialled, others are not', async (t) => {
    const [own, other] = [await startEcho(t), await startTcpTarget(t, (s) => s.end('other'))];
    const box = service('box', own.address, { allow: [`127.0.0.0/8:${other.port}`] });
    const { visit, line } = await openAgentStreams(t, [box]);
    assert.equal(await visit({ target: other.address }).say(''), 'other');
    assert.equal((await line(0)).target, other.address);
    assert.equal((await visit({ target: own.address }).refusal()).code, 'TARGET_DENIED');
  });

  test('rebinding: a name is looked up once, and the address that was checked is dialled', async (t) => {
    const echo = await startEcho(t);
    const box = service('box', '127.0.0.1:9', { allow: [`127.0.0.1:${echo.port}`] });
    const { visit, line } = await openAgentStreams(t, [box]);
    const answers = [['10.0.0.1', '127.0.0.1'], ['10.0.0.1']];
    const lookup = t.mock.method(dns, 'lookup', () =>
      Promise.resolve(answers.shift()!.map((address) => ({ address, family: 4 }))),
    );
    assert.equal(await visit({ target: `db.internal:${echo.port}` }).say('once'), 'once');
    assert.deepEqual([lookup.mock.callCount(), (await line(0)).target], [1, echo.address]);
    const second = await visit({ target: `db.internal:${echo.port}` }).refusal();
    assert.equal(second.code, 'TARGET_DENIED');
  });

  test('all that is sent while the name is looked up arrives, in order, with its end', async (t) => {
    const echo = await startEcho(t);
    const box = service('box', '127.0.0.1:9', { allow: [`127.0.0.1:${echo.port}`] });
    const { visit, pair } = await openAgentStreams(t, [box]);
    const answer = Promise.withResolvers<{ address: string; family: number }[]>();
    const lookup = t.mock.method(dns, 'lookup', () => answer.promise);
    const visitor = visit({ target: `db.internal:${echo.port}` });
    const sent = noiseBytes(600_000);
    for (let at = 0; at < sent.length; at += 50_000)
      visitor.stream.send(sent.subarray(at, at + 50_000));
    const heard = visitor.say('end');
    await until('it is looked up', () => lookup.mock.callCount() === 1);
    assert.equal(pair.far.session.streams, 1);
    answer.resolve([{ address: '127.0.0.1', family: 4 }]);
    assert.ok((await heard) === `${sent.toString('latin1')}end`);
  });

  test('one that is broken off while its name is looked up leaves nothing behind', async (t) => {
    const echo = await startEcho(t);
    const box = service('box', '127.0.0.1:9', { allow: [`127.0.0.1:${echo.port}`] });
    const { visit, pair, line } = await openAgentStreams(t, [box]);
    const answer = Promise.withResolvers<{ address: string; family: number }[]>();
    const lookup = t.mock.method(dns, 'lookup', () => answer.promise);
    const visitor = visit({ target: `db.internal:${echo.port}` });
    await until('it is looked up', () => lookup.mock.callCount() === 1);
    visitor.stream.reset();
    await until('the agent knows', () => pair.far.session.streams === 0);
    answer.resolve([{ address: '127.0.0.1', family: 4 }]);
    assert.equal((await line(0)).outcome, 'closed');
    await until('no connection is left', () => echo.open.size === 0);
  });

  test('a name that does not resolve, and one whose look-up takes too long', async (t) => {
    const box = service('box', '127.0.0.1:9', { allow: ['10.0.0.0/8:*'] });
    const { visit } = await openAgentStreams(t, [box]);
    const answers = [Promise.reject(new Error('ENOTFOUND')), new Promise<never>(() => {})];
    answers[0].catch(() => {});
    const lookup = t.mock.method(dns, 'lookup', () => answers.shift());
    assert.equal((await visit({ target: 'db.internal:1' }).refusal()).code, 'TARGET_UNREACHABLE');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const visitor = visit({ target: 'db.internal:1' });
    await until('it is looked up', () => lookup.mock.callCount() === 2);
    t.mock.timers.tick(TARGET_DIAL_TIMEOUT_MS);
    const { code, message } = await visitor.refusal();
    assert.equal(code, 'TARGET_TIMEOUT');
    assert.match(message, /^target db\.internal:1: /);
  });
});
