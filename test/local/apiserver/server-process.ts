/** Runs the API server for a test that kills it; tells its parent the kubeconfig. */
import { startedServer } from './support.ts';

const running = await startedServer(process.argv[2] as string);
process.send?.(running.server.kubeconfig);
