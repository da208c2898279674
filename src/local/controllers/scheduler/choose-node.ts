import type { Node, PersistentVolume, Pod } from '../../../kube/index.ts';
import { type Labels, matchesRequirement, matchesSelector, type SelectorRequirement } from '../../label-selectors.ts';
import { conditionOf, isOver, isTerminating } from '../../pod-state.ts';
import { quantityValue } from '../../quantity.ts';

export type SchedulingView = {
  readonly nodes: readonly Node[];
  /** All pods of the cluster; those without a node are ignored. */
  readonly pods: readonly Pod[];
  /** Volumes that the pod's bound claims have. */
  readonly volumes: readonly PersistentVolume[];
};

export type NodeChoice =
  | { readonly kind: 'chosen'; readonly node: string }
  /** `reasons` counts nodes by what speaks against them. */
  | { readonly kind: 'none'; readonly message: string };

/**
 * Chooses a node as the default scheduler would: filters (readiness, taints, selectors, affinity, spread, volumes,
 * resources), then the node that spreads best and has least on it; ties go to the first name, so equal input gives equal output.
 */
export function chooseNode(pod: Pod, view: SchedulingView): NodeChoice {
  const others = view.pods.filter((other) => other.spec?.nodeName !== undefined && !isOver(other));
  const zonesOf = new Map(view.nodes.map((node) => [node.metadata.name, node]));
  const objections = new Map<string, number>();
  const fitting: Node[] = [];
  for (const node of view.nodes) {
    const objection = objectionTo(node, pod, others, zonesOf, view);
    if (objection === undefined) fitting.push(node);
    else objections.set(objection, (objections.get(objection) ?? 0) + 1);
  }
  if (fitting.length === 0) {
    const reasons = [...objections].map(([reason, count]) => `${count} ${reason}`).join(', ');
    const message = `0/${view.nodes.length} nodes are available${reasons === '' ? '' : `: ${reasons}`}.`;
    return { kind: 'none', message };
  }
  const scored = fitting.map((node) => ({
    name: node.metadata.name,
    penalty: penaltyOf(node, pod, others, zonesOf),
    load: others.filter((other) => other.spec?.nodeName === node.metadata.name).length,
  }));
  scored.sort((a, b) => a.penalty - b.penalty || a.load - b.load || (a.name < b.name ? -1 : 1));
  return { kind: 'chosen', node: scored[0]?.name as string };
}

function objectionTo(
  node: Node,
  pod: Pod,
  others: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
  view: SchedulingView,
): string | undefined {
  const labels = node.metadata.labels ?? {};
  if (conditionOf(node, 'Ready')?.status !== 'True') return 'node(s) were not ready';
  if (node.spec?.unschedulable === true) return 'node(s) were unschedulable';
  const taint = (node.spec?.taints ?? []).find(
    (candidate) => candidate.effect !== 'PreferNoSchedule' && !isTolerated(pod, candidate),
  );
  if (taint !== undefined) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (!matchesNodeSelector(pod, labels)) return "node(s) didn't match Pod's node affinity/selector";
  if (view.volumes.some((volume) => !volumeReaches(volume, labels))) return 'node(s) had volume node affinity conflict';
  const tooLittle = shortage(node, pod, others);
  if (tooLittle !== undefined) return `Insufficient ${tooLittle}`;
  if (violatesPodAffinity(node, pod, others, nodes)) return "node(s) didn't match pod affinity/anti-affinity rules";
  const spreads = (pod.spec?.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule',
  );
  if (spreads.some((spread) => skewAfter(spread, node, pod, others, nodes) > spread.maxSkew)) {
    return "node(s) didn't match pod topology spread constraints";
  }
  return undefined;
}

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Spread = NonNullable<NonNullable<Pod['spec']>['topologySpreadConstraints']>[number];

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some(
    ({ key, operator, value, effect }) =>
      (effect === undefined || effect === '' || effect === taint.effect) &&
      (key === undefined || key === '' || key === taint.key) &&
      (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
  );
}

function matchesNodeSelector(pod: Pod, labels: Labels): boolean {
  const plain = Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return plain && (required === undefined || matchesTerms(required.nodeSelectorTerms, labels));
}

type Terms = readonly { readonly matchExpressions?: readonly SelectorRequirement[] | undefined }[];

function matchesTerms(terms: Terms, labels: Labels): boolean {
  return terms.some(({ matchExpressions }) =>
    (matchExpressions ?? []).every((requirement) => matchesRequirement(requirement, labels)),
  );
}

function volumeReaches(volume: PersistentVolume, labels: Labels): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || matchesTerms(required.nodeSelectorTerms, labels);
}

function shortage(node: Node, pod: Pod, others: readonly Pod[]): string | undefined {
  const here = others.filter((other) => other.spec?.nodeName === node.metadata.name);
  for (const resource of ['cpu', 'memory']) {
    const room = quantityValue(node.status?.allocatable?.[resource]);
    if (room === undefined) continue;
    const used = here.reduce((sum, other) => sum + requested(other, resource), 0);
    if (used + requested(pod, resource) > room) return resource;
  }
  const podRoom = quantityValue(node.status?.allocatable?.pods);
  return podRoom !== undefined && here.length + 1 > podRoom ? 'pods' : undefined;
}

/** What a pod asks for: its containers together, or its largest init container. */
function requested(pod: Pod, resource: string): number {
  const of = (container: { readonly resources?: { readonly requests?: Labels | undefined } | undefined }): number =>
    quantityValue(container.resources?.requests?.[resource]) ?? 0;
  const running = (pod.spec?.containers ?? []).reduce((sum, container) => sum + of(container), 0);
  return Math.max(running, ...(pod.spec?.initContainers ?? []).map(of));
}

function violatesPodAffinity(node: Node, pod: Pod, others: readonly Pod[], nodes: ReadonlyMap<string, Node>): boolean {
  const meets = (term: AffinityTerm, owner: Pod, candidate: Pod): boolean =>
    (term.namespaces ?? [owner.metadata.namespace ?? '']).includes(candidate.metadata.namespace ?? '') &&
    matchesSelector(term.labelSelector, candidate.metadata.labels);
  const sameDomain = (term: AffinityTerm, other: Pod): boolean => {
    const here = node.metadata.labels?.[term.topologyKey];
    return here !== undefined && here === nodes.get(other.spec?.nodeName ?? '')?.metadata.labels?.[term.topologyKey];
  };
  const anti = pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (anti.some((term) => others.some((other) => meets(term, pod, other) && sameDomain(term, other)))) return true;
  // Anti-affinity holds both ways: those that are there may not want us.
  const unwanted = others.some((other) =>
    (other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
      (term) => meets(term, other, pod) && sameDomain(term, other),
    ),
  );
  if (unwanted) return true;
  const wanted = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return wanted.some((term) => {
    const candidates = others.filter((other) => meets(term, pod, other));
    // The first pod of a group that wants to be together may go anywhere.
    if (candidates.length === 0 && meets(term, pod, pod)) return false;
    return !candidates.some((other) => sameDomain(term, other));
  });
}

type AffinityTerm = NonNullable<
  NonNullable<
    NonNullable<NonNullable<Pod['spec']>['affinity']>['podAntiAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

/** How many pods more than the emptiest domain this node's domain would have. A node without the key is infinitely far. */
function skewAfter(
  spread: Spread,
  node: Node,
  pod: Pod,
  others: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
): number {
  const here = node.metadata.labels?.[spread.topologyKey];
  if (here === undefined) return Number.POSITIVE_INFINITY;
  const counts = new Map<string, number>();
  for (const candidate of nodes.values()) {
    const domain = candidate.metadata.labels?.[spread.topologyKey];
    if (domain !== undefined && matchesNodeSelector(pod, candidate.metadata.labels ?? {})) counts.set(domain, 0);
  }
  const keys = spread.matchLabelKeys ?? [];
  for (const other of others) {
    const domain = nodes.get(other.spec?.nodeName ?? '')?.metadata.labels?.[spread.topologyKey];
    const counted =
      domain !== undefined &&
      counts.has(domain) &&
      !isTerminating(other) &&
      other.metadata.namespace === pod.metadata.namespace &&
      matchesSelector(spread.labelSelector, other.metadata.labels) &&
      keys.every((key) => other.metadata.labels?.[key] === pod.metadata.labels?.[key]);
    if (counted) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  const self = matchesSelector(spread.labelSelector, pod.metadata.labels) ? 1 : 0;
  const minimum = counts.size < (spread.minDomains ?? 1) ? 0 : Math.min(...counts.values());
  return (counts.get(here) ?? 0) + self - minimum;
}

/** Soft wishes: spread constraints that may be broken, and preferred anti-affinity. */
function penaltyOf(node: Node, pod: Pod, others: readonly Pod[], nodes: ReadonlyMap<string, Node>): number {
  let penalty = 0;
  for (const spread of pod.spec?.topologySpreadConstraints ?? []) {
    penalty += 100 * Math.min(1_000, skewAfter(spread, node, pod, others, nodes));
  }
  for (const { weight, podAffinityTerm: term } of pod.spec?.affinity?.podAntiAffinity
    ?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
    const domain = node.metadata.labels?.[term.topologyKey];
    const met = others.filter(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace &&
        matchesSelector(term.labelSelector, other.metadata.labels) &&
        nodes.get(other.spec?.nodeName ?? '')?.metadata.labels?.[term.topologyKey] === domain,
    );
    penalty += weight * met.length;
  }
  return penalty;
}
