import { startLocalApiServer } from '../support/local-api-server.ts';
import { describeKube } from './suite.ts';

describeKube('the local API server', startLocalApiServer);
