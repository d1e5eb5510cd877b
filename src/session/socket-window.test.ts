import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INITIAL_WINDOW_BYTES } from '../limits.ts';
import type { Wire } from '../net/wire.ts';
import { SocketWindow } from './socket-window.ts';

function open(): { window: SocketWindow; resumed: () => number } {
  let resumed = 0;
  const wire = { resume: () => void resumed++ } as unknown as Wire;
  return { window: new SocketWindow(wire), resumed: () => resumed };
}

test('reading stops when the window is full, and goes on when half of it is free', () => {
  const { window, resumed } = open();
  window.delivered(INITIAL_WINDOW_BYTES - 1);
  assert.equal(window.goesOn(), true);
  window.delivered(1);
  assert.equal(window.goesOn(), false);
  assert.equal(window.paused, true);
  window.credit(INITIAL_WINDOW_BYTES / 2 - 1);
  assert.equal(resumed(), 0);
  window.credit(1);
  assert.equal(resumed(), 1);
  assert.equal(window.paused, false);
  assert.equal(window.unpaid, INITIAL_WINDOW_BYTES / 2);
});

test('a socket that is read from is not resumed', () => {
  const { window, resumed } = open();
  window.delivered(10);
  assert.equal(window.goesOn(), true);
  window.credit(10);
  window.open();
  assert.equal(resumed(), 0);
});

test('it opens whatever is unpaid, once', () => {
  const { window, resumed } = open();
  window.delivered(2 * INITIAL_WINDOW_BYTES);
  assert.equal(window.goesOn(), false);
  window.open();
  window.open();
  assert.equal(resumed(), 1);
});
