import { totalmem } from 'node:os';
import type { Clock, Logger, Timer } from '../../base/index.ts';
import { type KubeClient, leases, microTimeText, type Node, nodes as nodeType, timeText } from '../../kube/index.ts';

/** A simulated node. `number` is from 1; node 1 is `node-a` in `zone-a`, and so on. */
export type NodeIdentity = { readonly name: string; readonly zone: string; readonly number: number };

export const simulatedNodes = (count: number): NodeIdentity[] =>
  Array.from({ length: count }, (_, index) => {
    const letter = String.fromCharCode(97 + index);
    return { name: `node-${letter}`, zone: `zone-${letter}`, number: index + 1 };
  });

const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;
/** The original renews every 10 s and writes the status every 5 min when nothing changed. */
const renewMs = 10_000;
const statusMs = 5 * 60_000;

export interface RegisteredNode {
  readonly identity: NodeIdentity;
  /** The node as the API server has it. */
  readonly node: Node;
  /** Reports NotReady and stops renewing. */
  stop(): Promise<void>;
}

/** Makes the Node if it is not there, reports it Ready, and keeps its Lease alive. */
export async function registerNode(
  identity: NodeIdentity,
  address: string,
  { client, clock, logger, signal }: { client: KubeClient; clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<RegisteredNode> {
  const labels = {
    'kubernetes.io/hostname': identity.name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
    'topology.kubernetes.io/zone': identity.zone,
    'topology.kubernetes.io/region': 'local',
    'node.kubernetes.io/instance-type': 'simulated',
  };
  let node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: identity.name, labels } };
  for (let attempt = 0; ; attempt++) {
    const created = await client.create(nodeType, node);
    const answer =
      !created.ok && created.problem.kind === 'alreadyExists'
        ? await client.mergePatch(nodeType, { name: identity.name }, { metadata: { labels } })
        : created;
    if (answer.ok) {
      node = answer.value;
      break;
    }
    if (signal.aborted) throw new Error('stopped before the node was registered');
    logger.warn({ problem: answer.problem, node: identity.name }, 'cannot register the node; will try again');
    await new Promise<void>((resolve) => clock.after(Math.min(5_000, 200 * 2 ** attempt), resolve));
  }
  await writeStatus('True');
  await renewLease();

  async function writeStatus(ready: 'True' | 'False'): Promise<void> {
    const now = timeText(clock.nowMs());
    const before = node.status?.conditions ?? [];
    const condition = (type: string, status: string, reason: string, message: string) => {
      const known = before.find((one) => one.type === type);
      return {
        type,
        status,
        reason,
        message,
        lastHeartbeatTime: now,
        lastTransitionTime: known?.status === status ? known.lastTransitionTime : now,
      };
    };
    const room = {
      // Simulated nodes share this machine: each offers enough for the presets, nothing is enforced but heap sizes.
      cpu: '16',
      memory: `${Math.max(16 * 2 ** 20, Math.floor(totalmem() / 1024))}Ki`,
      pods: '110',
      'ephemeral-storage': '100Gi',
    };
    const status = {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: identity.name },
      ],
      capacity: room,
      allocatable: room,
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        ready === 'True'
          ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
          : condition('Ready', 'False', 'KubeletStopped', 'the local Kubernetes has stopped'),
      ],
      nodeInfo: {
        architecture: labels['kubernetes.io/arch'],
        operatingSystem: 'linux',
        bootID: '',
        machineID: '',
        systemUUID: '',
        kernelVersion: '',
        osImage: 'processes of this machine',
        containerRuntimeVersion: 'process://1',
        kubeletVersion: 'v1.35.0-hikube',
        kubeProxyVersion: '',
      },
    };
    const answer = await client.patchStatus(nodeType, { name: identity.name }, { status });
    if (answer.ok) node = answer.value;
    else logger.warn({ problem: answer.problem, node: identity.name }, 'cannot report the node');
  }

  async function renewLease(): Promise<void> {
    const lease = {
      metadata: {
        name: identity.name,
        namespace: leaseNamespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: identity.name, uid: node.metadata.uid ?? '' }],
      },
      spec: {
        holderIdentity: identity.name,
        leaseDurationSeconds: leaseSeconds,
        renewTime: microTimeText(clock.nowMs()) as never,
      },
    };
    const answer = await client.serverSideApply(leases, lease, { fieldManager: 'kubelet', force: true });
    if (!answer.ok) logger.debug({ problem: answer.problem, node: identity.name }, 'cannot renew the node lease');
  }

  const timers: Timer[] = [
    clock.every(renewMs, () => void renewLease()),
    clock.every(statusMs, () => void writeStatus('True')),
  ];
  return {
    identity,
    get node() {
      return node;
    },
    async stop() {
      for (const timer of timers) timer.cancel();
      await writeStatus('False');
    },
  };
}
