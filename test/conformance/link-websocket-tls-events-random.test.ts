import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, tls-events, random masks', (t) =>
  connectLinks(t, 'tls-events', 'random'),
);
