import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTestRegistrar, http } from '../../test/support/registrar.ts';
import { SERVICE_ABSENCE_MS } from '../limits.ts';

const token = 'rendez-vous-token-of-the-tests';

describe('an agent that goes', () => {
  const offer = http('web', { hosts: ['www.org'], port: 0, rendezvousToken: token });

  test('leaves its addresses to the service for a while, and finds them again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { registrar, agent, registry, ports, routes, serviceOf } = await createTestRegistrar(t);
    const one = agent('a');
    const { port, urls } = await registrar.register(one, offer);
    registrar.leave(one);
    t.mock.timers.tick(SERVICE_ABSENCE_MS - 1);
    assert.ok(!registry.present('web'));
    assert.deepEqual([serviceOf('www.org'), routes.byToken(token)?.service], ['web', 'web']);
    await assert.rejects(ports.listen(port!, 'other'), { code: 'PORT_TAKEN' });
    const other = registrar.register(agent('o'), http('other', { hosts: ['www.org'] }));
    await assert.rejects(other, { code: 'HOST_TAKEN' });
    assert.deepEqual((await registrar.register(agent('b'), offer)).urls, urls);
    t.mock.timers.tick(SERVICE_ABSENCE_MS);
    assert.equal(serviceOf('www.org'), 'web');
  });

  test('is forgotten when it does not come back: all of it is free', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { registrar, agent, ports, routes, serviceOf } = await createTestRegistrar(t);
    const one = agent('a');
    const { port } = await registrar.register(one, offer);
    registrar.leave(one);
    t.mock.timers.tick(SERVICE_ABSENCE_MS);
    const found = [serviceOf('www.org'), serviceOf('web.example.test'), routes.byToken(token)];
    assert.deepEqual(found, [null, null, null]);
    assert.equal(await ports.listen(port!, 'other'), port);
  });

  test('and comes back otherwise: what it no longer asks for is free', async (t) => {
    const { registrar, agent, ports, serviceOf } = await createTestRegistrar(t);
    const one = agent('a');
    const { port } = await registrar.register(one, offer);
    registrar.leave(one);
    await registrar.register(agent('b'), http('web', { hosts: ['new.org'] }));
    assert.deepEqual([serviceOf('www.org'), serviceOf('new.org')], [null, 'web']);
    assert.equal(await ports.listen(port!, 'other'), port);
  });

  test('one of several takes nothing from the others', async (t) => {
    const { registrar, agent, registry, ports, serviceOf } = await createTestRegistrar(t);
    const [one, two] = [agent('a'), agent('b')];
    const { port } = await registrar.register(one, offer);
    assert.equal((await registrar.register(two, offer)).port, port);
    registrar.leave(one);
    registrar.leave(one);
    assert.ok(registry.present('web'));
    assert.equal(serviceOf('www.org'), 'web');
    await assert.rejects(ports.listen(port!, 'other'), { code: 'PORT_TAKEN' });
  });

  test('unregister frees everything at once, or leaves it to the others', async (t) => {
    const { registrar, agent, ports, serviceOf } = await createTestRegistrar(t);
    const [one, two] = [agent('a'), agent('b')];
    const { port } = await registrar.register(one, offer);
    await registrar.register(two, offer);
    registrar.unregister(one, 'never-registered');
    registrar.unregister(one, 'web');
    assert.equal(serviceOf('www.org'), 'web');
    registrar.unregister(two, 'web');
    assert.equal(serviceOf('www.org'), null);
    assert.equal(await ports.listen(port!, 'other'), port);
    registrar.leave(two);
  });

  for (const going of ['leave', 'unregister'] as const) {
    test(`${going} while its port is being opened: nothing stays behind`, async (t) => {
      const { registrar, agent, registry, ports, serviceOf } = await createTestRegistrar(t);
      const one = agent('a', { ports: ['30755'] });
      const registering = registrar.register(one, offer);
      registering.catch(() => {});
      registrar[going](one, 'web');
      await assert.rejects(registering, { code: 'SESSION_CLOSED' });
      assert.deepEqual([serviceOf('www.org'), registry.present('web')], [null, false]);
      assert.equal(await ports.listen(30_755, 'other'), 30_755);
      ports.release(30_755);
      await registrar.register(agent('b'), http('other', { hosts: ['www.org'] }));
    });
  }

  test('and comes back and goes while another port is being opened: the first one is still its own, then free', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { registrar, agent, ports, serviceOf } = await createTestRegistrar(t);
    const scopes = { ports: ['30756-30757'] };
    const [one, two] = [agent('a', scopes), agent('b', scopes)];
    await registrar.register(one, { ...offer, port: 30_756 });
    registrar.leave(one);
    const again = registrar.register(two, { ...offer, port: 30_757 });
    again.catch(() => {});
    registrar.leave(two);
    await assert.rejects(again, { code: 'SESSION_CLOSED' });
    assert.equal(serviceOf('www.org'), 'web');
    await assert.rejects(ports.listen(30_756, 'other'), { code: 'PORT_TAKEN' });
    assert.equal(await ports.listen(30_757, 'other'), 30_757);
    t.mock.timers.tick(SERVICE_ABSENCE_MS);
    assert.equal(serviceOf('www.org'), null);
    assert.equal(await ports.listen(30_756, 'other'), 30_756);
  });

  test('one that comes back with a wrong offer does not cost the service its addresses', async (t) => {
    const { registrar, agent, serviceOf } = await createTestRegistrar(t);
    const one = agent('a');
    const { port } = await registrar.register(one, offer);
    registrar.leave(one);
    const wrong = registrar.register(agent('b'), { ...offer, hosts: ['example.test'] });
    await assert.rejects(wrong, { code: 'HOST_RESERVED' });
    assert.equal(serviceOf('www.org'), 'web');
    assert.equal((await registrar.register(agent('c'), offer)).port, port);
  });
});
