import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, events, zero masks', (t) => connectLinks(t, 'events', 'zero'));
