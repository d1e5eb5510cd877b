import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, tls-events, zero masks', (t) => connectLinks(t, 'tls-events', 'zero'));
