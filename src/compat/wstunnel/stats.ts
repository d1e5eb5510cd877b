/** The text of `/_stats`, line for line as the original has it; a tunnel shows its service in place of its token. */
import type { WaitingRoom } from '../../registry/waiting-room.ts';
import type { TokenEntry } from './tokens.ts';

/** Without signs of life for so long a tunnel counts as dead there. */
const DEAD_AFTER_S = 60;

/** `local`: for a reader on this machine. */
export function statsText(
  entries: readonly TokenEntry[],
  room: Pick<WaitingRoom, 'waitingFor'>,
  local: boolean,
): string {
  const now = performance.now();
  const lines = [`tunnels=${entries.length}`];
  if (!local) return `${lines[0]}\nMore stats available when called from localhost...\n`;
  let pending = 0;
  let dead = 0;
  for (const [index, { service, tunnels, activeAt, consumer }] of entries.entries()) {
    const tunnel = `tunnel${String(index).padStart(2, '0')}`;
    const waiting = room.waitingFor(service);
    const requests = [...tunnels.keys()].reduce((sum, { streams }) => sum + streams, waiting);
    const idle = (now - activeAt) / 1_000;
    pending += requests;
    if (idle > DEAD_AFTER_S) dead++;
    lines.push('', `${tunnel}_token=${service}`, `${tunnel}_req_pending=${requests}`);
    for (const { peer } of tunnels.values()) lines.push(`${tunnel}_tun_addr=${peer}`);
    lines.push(`${tunnel}_idle_secs=${idle.toFixed(1)}`);
    if (consumer !== null) lines.push(`${tunnel}_cli_addr=${consumer}`);
  }
  lines.push('', `req_pending=${pending}`, `dead_tunnels=${dead}`);
  return `${lines.join('\n')}\n`;
}
