/** Where clients of our own come in: the attach door, and that of clients that make single requests. */
import { POLL_PATH } from '../transport/longpoll/messages.ts';
import { ATTACH_PATH } from './dial.ts';

/** A server that speaks another tool's protocol alone keeps these open: agents of our own come there. */
export function isClientDoor(path: string): boolean {
  return path === ATTACH_PATH || path === POLL_PATH || path.startsWith(`${POLL_PATH}/`);
}
