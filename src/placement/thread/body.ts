import { serveThread } from './index.ts';

serveThread();
