import { isObject, type JsonObject, type KubeObject, sameJson } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import { fill } from './pod-template.ts';
import type { KindRules, RuleContext } from './resource.ts';

const specOf = (object: KubeObject): JsonObject => (isObject(object.spec) ? object.spec : {});
const portsOf = (spec: JsonObject): JsonObject[] => (Array.isArray(spec.ports) ? spec.ports.filter(isObject) : []);

/** Gives the Service its address, as asked for or a free one. */
function allocate(service: KubeObject, context: RuleContext): readonly FieldError[] | undefined {
  const spec = specOf(service);
  if (spec.type === 'ExternalName') return undefined;
  const asked = typeof spec.clusterIP === 'string' && spec.clusterIP !== '' ? spec.clusterIP : undefined;
  if (asked === 'None') {
    spec.clusterIPs = ['None'];
  } else {
    const given = context.serviceAddress(asked);
    if ('problem' in given) return [fieldError.invalid('spec.clusterIPs', [asked ?? ''], given.problem)];
    spec.clusterIP = given.address;
    spec.clusterIPs = [given.address];
  }
  fill(spec, 'ipFamilies', ['IPv4']);
  fill(spec, 'ipFamilyPolicy', 'SingleStack');
  return undefined;
}

export const serviceRules: KindRules = {
  name: 'label1035',
  defaults: (service) => {
    const spec = specOf(service);
    service.spec = spec;
    fill(spec, 'type', 'ClusterIP');
    fill(spec, 'sessionAffinity', 'None');
    if (spec.sessionAffinity === 'ClientIP')
      fill(spec, 'sessionAffinityConfig', { clientIP: { timeoutSeconds: 10800 } });
    if (spec.type !== 'ExternalName') fill(spec, 'internalTrafficPolicy', 'Cluster');
    if (spec.type === 'LoadBalancer') fill(spec, 'allocateLoadBalancerNodePorts', true);
    if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') fill(spec, 'externalTrafficPolicy', 'Cluster');
    for (const port of portsOf(spec)) {
      fill(port, 'protocol', 'TCP');
      fill(port, 'targetPort', port.port);
    }
    if (!isObject(service.status)) service.status = { loadBalancer: {} };
    else fill(service.status, 'loadBalancer', {});
  },
  prepareCreate: (service, context) => {
    service.status = { loadBalancer: {} };
    return allocate(service, context);
  },
  prepareUpdate: (service, old, context) => {
    const spec = specOf(service);
    const before = specOf(old);
    // What the server gave stays when a client leaves it out.
    if (before.type !== 'ExternalName' && spec.type !== 'ExternalName') {
      fill(spec, 'clusterIP', before.clusterIP);
      fill(spec, 'clusterIPs', before.clusterIPs);
      fill(spec, 'ipFamilies', before.ipFamilies);
      fill(spec, 'ipFamilyPolicy', before.ipFamilyPolicy);
    } else if (spec.type !== 'ExternalName') return allocate(service, context);
    return undefined;
  },
  validate: (service) => {
    const spec = specOf(service);
    const errors: FieldError[] = [];
    const ports = portsOf(spec);
    if (ports.length === 0 && spec.clusterIP !== 'None' && spec.type !== 'ExternalName') {
      errors.push(fieldError.required('spec.ports'));
    }
    const seen = new Set<unknown>();
    const names = new Set<unknown>();
    for (const [index, port] of ports.entries()) {
      const at = `spec.ports[${index}]`;
      if (ports.length > 1 && (port.name === undefined || port.name === ''))
        errors.push(fieldError.required(`${at}.name`));
      else if (port.name !== undefined && names.has(port.name))
        errors.push(fieldError.duplicate(`${at}.name`, port.name));
      names.add(port.name);
      for (const [name, value] of [
        ['port', port.port ?? 0],
        ['targetPort', port.targetPort],
      ] as const) {
        if (typeof value === 'number' && (value < 1 || value > 65535)) {
          errors.push(fieldError.invalid(`${at}.${name}`, value, 'must be between 1 and 65535, inclusive'));
        }
      }
      const key = `${port.protocol}/${port.port}`;
      if (seen.has(key))
        errors.push(fieldError.duplicate(at, { name: port.name, port: port.port, protocol: port.protocol }));
      seen.add(key);
    }
    if (spec.type === 'ExternalName' && (spec.externalName ?? '') === '') {
      errors.push(fieldError.required('spec.externalName'));
    }
    return errors;
  },
  validateUpdate: (service, old) => {
    const before = specOf(old);
    const spec = specOf(service);
    if (before.type === 'ExternalName' || spec.type === 'ExternalName') return [];
    return sameJson(before.clusterIP, spec.clusterIP)
      ? []
      : [fieldError.invalid('spec.clusterIPs[0]', spec.clusterIPs, 'may not change once set')];
  },
};
