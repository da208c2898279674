import { loadClusterAccess } from '../../src/kube/index.ts';
import { describeKube } from '../kube/suite.ts';
import { startRealKubernetes } from '../support/real-kubernetes.ts';

describeKube('the real Kubernetes', async () => {
  const { kubeconfig, stop } = await startRealKubernetes();
  const access = await loadClusterAccess({ file: kubeconfig });
  if (!access.ok) throw new Error(access.problem);
  return { access: access.value, stop };
});
