/** Results as JSON, one line each, safe to look at on a terminal. */
import { eventText } from '../events/event-text.ts';

export function jsonLine(value: object): string {
  return `${eventText(value)}\n`;
}
