import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, events, random masks', (t) => connectLinks(t, 'events', 'random'));
