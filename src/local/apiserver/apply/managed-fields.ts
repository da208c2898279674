import { isObject, type KubeObject, type ManagedFieldsEntry } from '../object.ts';
import type { Structure } from '../schema/structure.ts';
import { Refusal } from '../status.ts';
import {
  compare,
  difference,
  type FieldSet,
  fieldSetFromJson,
  fieldSetToJson,
  fieldsOf,
  intersection,
  noFields,
  pathsOf,
  sameFields,
  union,
  withNamedParents,
  without,
} from './field-set.ts';
import { mergeApplied, removeFields } from './merge.ts';

/** Who writes: one entry of managedFields belongs to each different writer. */
export type Writer = {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
};

type Managed = { readonly writer: Writer; readonly time: string | undefined; readonly fields: FieldSet };

/** More writers by Update than this are folded into one, oldest first. */
const updateWritersLimit = 10;

const path = (...names: string[]): FieldSet =>
  names.reduceRight<FieldSet>((below, name) => new Map([[`f:${name}`, { member: below.size === 0, below }]]), noFields);

/** Nobody owns these: the server decides them, or they say which object it is. */
const neverOwned = [
  path('apiVersion'),
  path('kind'),
  ...[
    ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation'],
    ...['managedFields', 'resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds'],
  ].map((name) => path('metadata', name)),
].reduce(union);
const metadataItself: FieldSet = new Map([['f:metadata', { member: true, below: noFields }]]);
const status = path('status');
const spec = path('spec');

/** What a write through this subresource cannot change, and so cannot own. */
function ignoredBy(subresource: string, custom: boolean, hasStatus: boolean): FieldSet {
  if (subresource === 'status') return custom ? union(spec, metadataItself) : spec;
  return hasStatus ? status : noFields;
}

function strip(fields: FieldSet, ignored: FieldSet): FieldSet {
  return without(difference(difference(fields, neverOwned), metadataItself), ignored);
}

function decode(entries: readonly ManagedFieldsEntry[] | undefined): Managed[] {
  return (entries ?? []).flatMap((entry) =>
    entry.operation === undefined || !isObject(entry.fieldsV1)
      ? []
      : [
          {
            writer: {
              manager: entry.manager ?? '',
              operation: entry.operation,
              apiVersion: entry.apiVersion ?? '',
              subresource: entry.subresource ?? '',
            },
            time: entry.time,
            fields: fieldSetFromJson(entry.fieldsV1),
          },
        ],
  );
}

function encode(managed: readonly Managed[]): ManagedFieldsEntry[] {
  const order = ({ writer, time }: Managed): string =>
    [writer.operation, time ?? '', writer.manager, writer.apiVersion, writer.subresource].join('\u0000');
  return managed
    .filter(({ fields }) => fields.size > 0)
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(({ writer, time, fields }) => ({
      apiVersion: writer.apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: fieldSetToJson(fields),
      manager: writer.manager,
      operation: writer.operation,
      ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
      ...(time === undefined ? {} : { time }),
    }));
}

const sameWriter = (a: Writer, b: Writer): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.apiVersion === b.apiVersion &&
  a.subresource === b.subresource;

function withManaged(object: KubeObject, managed: readonly Managed[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  const entries = encode(managed);
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries?.length === 1 && Object.keys(entries[0] as object).length === 0;

/** The entries that an update starts from: a client may send them along, change them, or reset them by one empty entry. */
function startingFrom(live: KubeObject | undefined, next: KubeObject, subresource: string): Managed[] {
  if (subresource !== '') return decode(live?.metadata.managedFields);
  if (isReset(next.metadata.managedFields)) return [];
  const sent = decode(next.metadata.managedFields);
  return sent.length > 0 ? sent : decode(live?.metadata.managedFields);
}

type Write = {
  readonly live: KubeObject | undefined;
  readonly writer: Writer;
  readonly structure: Structure;
  readonly custom: boolean;
  readonly hasStatus: boolean;
  readonly now: string;
};

/** An object as nobody has written it: what ownership of a new object is compared with. */
const blank = (object: KubeObject): object => ({ apiVersion: object.apiVersion, kind: object.kind });

/** The object after a create, update or patch: changed fields now belong to the writer, removed ones to nobody. */
export function ownUpdate(next: KubeObject, write: Write): KubeObject {
  const { live, writer, structure } = write;
  const ignored = ignoredBy(writer.subresource, write.custom, write.hasStatus);
  const managed = startingFrom(live, next, writer.subresource);
  const { changed, removed } = compare(live ?? blank(next), next, structure);
  const mine = strip(changed, ignored);
  const gone = strip(removed, ignored);
  let others = managed.map((entry) => {
    const fields = difference(difference(entry.fields, mine), gone);
    return { ...entry, fields };
  });
  const before = managed.find((entry) => sameWriter(entry.writer, writer));
  const fields = union(difference(before?.fields ?? noFields, gone), mine);
  const time = before !== undefined && sameFields(before.fields, fields) ? before.time : write.now;
  others = others.filter((entry) => !sameWriter(entry.writer, writer) && entry.fields.size > 0);
  return withManaged(next, folded([...others, { writer, time, fields }], write.now));
}

function folded(managed: readonly Managed[], now: string): readonly Managed[] {
  const updates = managed.filter((entry) => entry.writer.operation === 'Update');
  if (updates.length <= updateWritersLimit) return managed;
  const oldest = [...updates]
    .sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
    .slice(0, updates.length - updateWritersLimit + 1);
  const ancient: Managed = {
    writer: { ...(oldest[0] as Managed).writer, manager: 'ancient-changes' },
    time: now,
    fields: oldest.map((entry) => entry.fields).reduce(union),
  };
  return [...managed.filter((entry) => !oldest.includes(entry)), ancient];
}

/** What an apply makes of the live object, before defaults and checks. */
export type Applied = {
  readonly object: KubeObject;
  /** Gives the object, as it will be stored, its managedFields; throws the 409 of a conflict. */
  readonly own: (stored: KubeObject) => KubeObject;
};

/**
 * Server-side apply: merges the configuration into the live object, removes what this writer applied before, does
 * not apply any more and nobody else owns, and finds conflicts with other owners.
 *
 * Source: the algorithm of sigs.k8s.io/structured-merge-diff (merge/update.go), for one version of a schema.
 */
export function applyConfiguration(configuration: KubeObject, force: boolean, write: Write): Applied {
  const { live, writer, structure } = write;
  const ignored = ignoredBy(writer.subresource, write.custom, write.hasStatus);
  const managed = decode(live?.metadata.managedFields);
  const before = managed.find((entry) => sameWriter(entry.writer, writer));
  const mine = strip(fieldsOf(configuration, structure), ignored);
  const others = managed.filter((entry) => !sameWriter(entry.writer, writer));
  let merged = mergeApplied(live ?? blank(configuration), configuration, structure);
  if (before !== undefined) {
    const owned = withNamedParents([mine, ...others.map((entry) => entry.fields)].reduce(union), structure);
    merged = removeFields(merged, difference(withNamedParents(before.fields, structure), owned), structure);
  }
  const own = (stored: KubeObject): KubeObject => {
    const { changed, removed } = compare(live ?? blank(configuration), merged, structure);
    const gone = strip(removed, ignored);
    const conflicts = others
      .map((entry) => ({ entry, fields: intersection(entry.fields, strip(changed, ignored)) }))
      .filter(({ fields }) => fields.size > 0);
    const allowed = force ? noFields : lastAppliedFields(live, writer, structure);
    const refused = conflicts.some(({ fields }) => difference(fields, allowed).size > 0);
    if (refused && !force) throw applyConflict(conflicts);
    const kept = others.map((entry) => {
      const lost = conflicts.find((conflict) => conflict.entry === entry)?.fields ?? noFields;
      return { ...entry, fields: difference(difference(entry.fields, lost), gone) };
    });
    const time = before !== undefined && sameFields(before.fields, mine) ? before.time : write.now;
    return withManaged(stored, [...kept, { writer, time, fields: mine }]);
  };
  return { object: withLastApplied(merged as KubeObject, configuration, writer), own };
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** The manager of `kubectl apply --server-side`, which may go on where `kubectl apply` left off. */
const kubectlManager = 'kubectl';

/** What the last client-side `kubectl apply` set and nobody has changed since: its server-side one may take it over. */
function lastAppliedFields(live: KubeObject | undefined, writer: Writer, structure: Structure): FieldSet {
  const text = live?.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined || writer.manager !== kubectlManager) return noFields;
  let lastApplied: unknown;
  try {
    lastApplied = JSON.parse(text);
  } catch {
    return noFields;
  }
  const { changed, removed } = compare(lastApplied, live, structure);
  return difference(difference(fieldsOf(lastApplied, structure), changed), removed);
}

/** Keeps the annotation of a client-side apply in step, so that a later one compares with the truth. */
function withLastApplied(merged: KubeObject, configuration: KubeObject, writer: Writer): KubeObject {
  const { annotations } = merged.metadata;
  if (annotations?.[lastAppliedAnnotation] === undefined || writer.manager !== kubectlManager) return merged;
  const { [lastAppliedAnnotation]: _, ...own } = configuration.metadata.annotations ?? {};
  const text = `${JSON.stringify({ ...configuration, metadata: { ...configuration.metadata, annotations: own } })}\n`;
  return {
    ...merged,
    metadata: { ...merged.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
  };
}

function applyConflict(conflicts: readonly { readonly entry: Managed; readonly fields: FieldSet }[]): Refusal {
  const found = conflicts.map(({ entry, fields }) => ({ who: writerText(entry), paths: pathsOf(fields).sort() }));
  const count = found.reduce((sum, { paths }) => sum + paths.length, 0);
  const [first] = found as [{ who: string; paths: string[] }];
  const message =
    count === 1
      ? `Apply failed with 1 conflict: conflict with ${first.who}: ${first.paths[0]}`
      : `Apply failed with ${count} conflicts: ${found
          .map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((at) => `- ${at}`)].join('\n'))
          .join('\n')}`;
  const causes = found.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  return new Refusal('Conflict', message, { causes });
}

function writerText({ writer }: Managed): string {
  const name = `${JSON.stringify(writer.manager)}${writer.subresource === '' ? '' : ` with subresource "${writer.subresource}"`}`;
  if (writer.operation === 'Apply') return name;
  return `${name} using ${writer.apiVersion}`;
}
