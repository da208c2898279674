import { isObject, type JsonObject } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';

/** Sets a field that is absent. */
export function fill(target: JsonObject, name: string, value: unknown): void {
  target[name] ??= value as JsonObject;
}

const objects = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const objectAt = (target: JsonObject, name: string): JsonObject | undefined =>
  isObject(target[name]) ? target[name] : undefined;

/** What the server fills into the spec of a pod or of a pod template. */
export function defaultPodSpec(spec: JsonObject): void {
  fill(spec, 'restartPolicy', 'Always');
  fill(spec, 'terminationGracePeriodSeconds', 30);
  fill(spec, 'dnsPolicy', 'ClusterFirst');
  fill(spec, 'securityContext', {});
  fill(spec, 'schedulerName', 'default-scheduler');
  if (spec.serviceAccountName !== undefined) fill(spec, 'serviceAccount', spec.serviceAccountName);
  else if (spec.serviceAccount !== undefined) fill(spec, 'serviceAccountName', spec.serviceAccount);
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of objects(spec[list])) defaultContainer(container);
  }
  for (const volume of objects(spec.volumes)) defaultVolume(volume);
  for (const constraint of objects(spec.topologySpreadConstraints))
    fill(constraint, 'whenUnsatisfiable', 'DoNotSchedule');
}

function defaultContainer(container: JsonObject): void {
  fill(container, 'terminationMessagePath', '/dev/termination-log');
  fill(container, 'terminationMessagePolicy', 'File');
  const image = String(container.image ?? '');
  const name = image.slice(image.lastIndexOf('/') + 1);
  const tag = name.includes('@') ? 'digest' : name.includes(':') ? name.slice(name.indexOf(':') + 1) : 'latest';
  fill(container, 'imagePullPolicy', tag === 'latest' ? 'Always' : 'IfNotPresent');
  fill(container, 'resources', {});
  for (const port of objects(container.ports)) fill(port, 'protocol', 'TCP');
  for (const variable of objects(container.env)) {
    const from = objectAt(variable, 'valueFrom');
    const fieldRef = from === undefined ? undefined : objectAt(from, 'fieldRef');
    if (fieldRef !== undefined) fill(fieldRef, 'apiVersion', 'v1');
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectAt(container, name);
    if (probe === undefined) continue;
    fill(probe, 'timeoutSeconds', 1);
    fill(probe, 'periodSeconds', 10);
    fill(probe, 'successThreshold', 1);
    fill(probe, 'failureThreshold', 3);
    const httpGet = objectAt(probe, 'httpGet');
    if (httpGet === undefined) continue;
    fill(httpGet, 'path', '/');
    fill(httpGet, 'scheme', 'HTTP');
  }
}

const modeOfFiles = 0o644;

function defaultVolume(volume: JsonObject): void {
  for (const name of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    const source = objectAt(volume, name);
    if (source !== undefined) fill(source, 'defaultMode', modeOfFiles);
  }
  const hostPath = objectAt(volume, 'hostPath');
  if (hostPath !== undefined) fill(hostPath, 'type', '');
  for (const item of [
    ...objects(objectAt(volume, 'downwardAPI')?.items),
    ...objects(objectAt(volume, 'projected')?.sources).flatMap((source) =>
      objects(objectAt(source, 'downwardAPI')?.items),
    ),
  ]) {
    const fieldRef = objectAt(item, 'fieldRef');
    if (fieldRef !== undefined) fill(fieldRef, 'apiVersion', 'v1');
  }
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
}

/** Requests that are absent equal the limits; only of pods, not of templates. */
export function defaultRequests(spec: JsonObject): void {
  for (const list of ['initContainers', 'containers']) {
    for (const container of objects(spec[list])) {
      const resources = objectAt(container, 'resources');
      const limits = resources === undefined ? undefined : objectAt(resources, 'limits');
      if (resources === undefined || limits === undefined) continue;
      resources.requests = { ...limits, ...(objectAt(resources, 'requests') ?? {}) };
    }
  }
}

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function podSpecErrors(spec: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const containers = objects(spec.containers);
  if (containers.length === 0) errors.push(fieldError.required(`${path}.containers`));
  const volumes = new Set(objects(spec.volumes).map((volume) => volume.name));
  const seen = new Set<unknown>();
  for (const list of ['initContainers', 'containers']) {
    for (const [index, container] of objects(spec[list]).entries()) {
      const at = `${path}.${list}[${index}]`;
      const name = container.name;
      if (name === undefined || name === '') errors.push(fieldError.required(`${at}.name`));
      else if (typeof name === 'string' && (name.length > 63 || !namePattern.test(name))) {
        errors.push(
          fieldError.invalid(
            `${at}.name`,
            name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
          ),
        );
      }
      if (seen.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
      seen.add(name);
      if (path === 'spec' && (container.image === undefined || container.image === '')) {
        errors.push(fieldError.required(`${at}.image`));
      }
      for (const [mountIndex, mount] of objects(container.volumeMounts).entries()) {
        const mountAt = `${at}.volumeMounts[${mountIndex}]`;
        if (mount.mountPath === undefined || mount.mountPath === '')
          errors.push(fieldError.required(`${mountAt}.mountPath`));
        if (path === 'spec' && !volumes.has(mount.name)) {
          errors.push({
            type: 'Invalid',
            field: `${mountAt}.name`,
            message: `Not found: ${JSON.stringify(mount.name ?? '')}`,
          });
        }
      }
    }
  }
  return errors;
}
