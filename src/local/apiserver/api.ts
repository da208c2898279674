import type { Clock, Logger } from '../../base/index.ts';
import type { Registry } from './kinds/registry.ts';
import type { Resource, RuleContext } from './kinds/resource.ts';
import type { KubeObject } from './object.ts';
import type { Store } from './store/store.ts';

/** What every handler works with. */
export interface Api {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ruleContext: () => RuleContext;
  readonly newUid: () => string;
}

/** A request for a resource, as its path and query say it. */
export interface Call {
  readonly resource: Resource;
  /** Absent in cluster scope and for requests over all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string;
  readonly query: URLSearchParams;
  /** Who writes, if the client does not say: the program's name. */
  readonly userAgent: string;
  /** Collects warnings for the client. */
  readonly warn: (text: string) => void;
}

/** The object in the form that this version of its resource serves. */
export function served(resource: Resource, stored: KubeObject): KubeObject {
  if (resource.conversion !== undefined) return resource.conversion.fromStorage(stored);
  if (stored.apiVersion === resource.apiVersion) return stored;
  return { ...stored, apiVersion: resource.apiVersion };
}

/** Writers are named by the client, else after its program, as in the original: up to the first slash. */
export function managerOf(call: Call): string {
  return call.query.get('fieldManager') ?? (call.userAgent.split('/')[0]?.slice(0, 128) || 'unknown');
}
