import { connectLinks } from '../support/links.ts';
import { linkConformance } from './link.ts';

linkConformance('WebSocket, onread, zero masks', (t) => connectLinks(t, 'onread', 'zero'));
