import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, tls-onread, zero masks', (t) => connectLinks(t, 'tls-onread', 'zero'));
