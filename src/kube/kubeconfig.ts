import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { failure, type Result, success } from '../base/index.ts';

/** Where the API server is and how to be known there. */
export type ClusterAccess = {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  /** The namespace to use when nothing says another. */
  readonly namespace: string;
  /** PEM. Without it the system's roots are trusted. */
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  /** The name expected in the server's certificate, where it differs from the host. */
  readonly tlsServerName?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /** The `authorization` header's value for the next request; tokens that change are read anew. */
  readonly authorization?: (() => Promise<string | undefined>) | undefined;
};

type Named<Key extends string, Value> = { readonly name?: string } & { readonly [name in Key]?: Value };
type Cluster = {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'tls-server-name'?: string;
};
type User = {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly exec?: unknown;
  readonly 'auth-provider'?: unknown;
};
type Kubeconfig = {
  readonly 'current-context'?: string;
  readonly clusters?: readonly Named<'cluster', Cluster>[] | null;
  readonly users?: readonly Named<'user', User>[] | null;
  readonly contexts?: readonly Named<'context', { cluster?: string; user?: string; namespace?: string }>[] | null;
};

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Service account tokens are renewed by the kubelet well before they expire; reading once a minute is enough. */
const tokenCacheMs = 60_000;

/**
 * Finds the cluster as kubectl does: the given file, else the files of KUBECONFIG, else the service account of the pod we
 * run in, else `~/.kube/config`.
 *
 * @returns a sentence for a person when there is none or it cannot be used
 */
export async function loadClusterAccess(
  options: { readonly file?: string | undefined; readonly context?: string | undefined } = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Result<ClusterAccess, string>> {
  const listed = options.file ?? environment.KUBECONFIG;
  if (listed !== undefined && listed !== '') {
    const files = listed.split(delimiter).filter((file) => file !== '');
    // As for kubectl, a file that KUBECONFIG names may be missing as long as another one is there.
    const present = files.filter((file) => existsSync(file));
    if (present.length === 0) return failure(`there is no kubeconfig file at ${files.join(', ')}`);
    return fromFiles(present, options.context);
  }
  const inCluster = fromServiceAccount(environment);
  if (inCluster !== undefined) return success(inCluster);
  const home = join(environment.HOME ?? homedir(), '.kube', 'config');
  if (existsSync(home)) return fromFiles([home], options.context);
  return failure('no Kubernetes cluster is configured: set KUBECONFIG to a kubeconfig file, or run in a pod');
}

/** As `loadClusterAccess`, from a kubeconfig's text; relative paths in it are relative to `folder`. */
export async function parseKubeconfig(text: string, folder = '.'): Promise<Result<ClusterAccess, string>> {
  return fromTexts([{ text, folder, name: 'kubeconfig' }], undefined);
}

async function fromFiles(
  files: readonly string[],
  context: string | undefined,
): Promise<Result<ClusterAccess, string>> {
  const texts = [];
  for (const file of files) {
    try {
      texts.push({ text: readFileSync(file, 'utf8'), folder: dirname(file), name: file });
    } catch (error) {
      return failure(`the kubeconfig file ${file} cannot be read: ${(error as Error).message}`);
    }
  }
  return fromTexts(texts, context);
}

async function fromTexts(
  texts: readonly { readonly text: string; readonly folder: string; readonly name: string }[],
  wantedContext: string | undefined,
): Promise<Result<ClusterAccess, string>> {
  const { load } = await import('js-yaml');
  const configs: { readonly config: Kubeconfig; readonly folder: string; readonly text: string }[] = [];
  for (const { text, folder, name } of texts) {
    let parsed: unknown;
    try {
      parsed = load(text);
    } catch (error) {
      return failure(`${name} is not a kubeconfig file: ${(error as Error).message}`);
    }
    if (typeof parsed !== 'object' || parsed === null) return failure(`${name} is not a kubeconfig file: no mapping`);
    configs.push({ config: parsed as Kubeconfig, folder, text });
  }
  const names = texts.map(({ name }) => name).join(', ');
  const find = <Value>(
    pick: (config: Kubeconfig) => Value | undefined,
  ): { value: Value; folder: string } | undefined => {
    // The first file that has it wins, as for kubectl.
    for (const { config, folder } of configs) {
      const value = pick(config);
      if (value !== undefined) return { value, folder };
    }
    return undefined;
  };
  const contextName = wantedContext ?? find((config) => config['current-context'] || undefined)?.value;
  if (contextName === undefined) return failure(`${names}: current-context is not set`);
  const context = find((config) => config.contexts?.find(({ name }) => name === contextName)?.context)?.value;
  if (context === undefined) return failure(`${names}: there is no context named ${contextName}`);
  const cluster = find((config) => config.clusters?.find(({ name }) => name === context.cluster)?.cluster);
  if (cluster?.value.server === undefined) {
    return failure(
      `${names}: context ${contextName} names cluster ${context.cluster}, which is not there or has no server`,
    );
  }
  const user = find((config) => config.users?.find(({ name }) => name === context.user)?.user) ?? {
    value: {},
    folder: '.',
  };
  try {
    const fromUser = await userAccess(user.value, user.folder, configs[0]?.text ?? '', contextName);
    return success({
      server: cluster.value.server.replace(/\/+$/, ''),
      namespace: context.namespace ?? 'default',
      certificateAuthority: dataOrFile(
        cluster.value['certificate-authority-data'],
        cluster.value['certificate-authority'],
        cluster.folder,
      ),
      insecureSkipTlsVerify: cluster.value['insecure-skip-tls-verify'],
      tlsServerName: cluster.value['tls-server-name'],
      ...fromUser,
    });
  } catch (error) {
    return failure(`${names}: context ${contextName} cannot be used: ${(error as Error).message}`);
  }
}

async function userAccess(
  user: User,
  folder: string,
  kubeconfig: string,
  contextName: string,
): Promise<Pick<ClusterAccess, 'clientCertificate' | 'clientKey' | 'authorization'>> {
  const certificates = {
    clientCertificate: dataOrFile(user['client-certificate-data'], user['client-certificate'], folder),
    clientKey: dataOrFile(user['client-key-data'], user['client-key'], folder),
  };
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    return { ...certificates, authorization: await pluginAuthorization(kubeconfig, contextName) };
  }
  if (user.tokenFile !== undefined)
    return { ...certificates, authorization: tokenFile(absolute(user.tokenFile, folder)) };
  if (user.token !== undefined) {
    const value = `Bearer ${user.token}`;
    return { ...certificates, authorization: async () => value };
  }
  if (user.username !== undefined) {
    const value = `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
    return { ...certificates, authorization: async () => value };
  }
  return certificates;
}

/** Credential plugins are rare and many-sided: the Kubernetes client library runs them, and is loaded only then (375 ms, 91 MB). */
async function pluginAuthorization(
  kubeconfig: string,
  contextName: string,
): Promise<() => Promise<string | undefined>> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  config.setCurrentContext(contextName);
  return async () => {
    const options: { headers?: Record<string, string> } = { headers: {} };
    await config.applyToHTTPSOptions(options);
    return options.headers?.Authorization ?? options.headers?.authorization;
  };
}

function fromServiceAccount(environment: Readonly<Record<string, string | undefined>>): ClusterAccess | undefined {
  const host = environment.KUBERNETES_SERVICE_HOST;
  const port = environment.KUBERNETES_SERVICE_PORT;
  if (host === undefined || port === undefined || !existsSync(join(serviceAccountFolder, 'token'))) return undefined;
  const namespaceFile = join(serviceAccountFolder, 'namespace');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : 'default',
    certificateAuthority: readFileSync(join(serviceAccountFolder, 'ca.crt'), 'utf8'),
    authorization: tokenFile(join(serviceAccountFolder, 'token')),
  };
}

function tokenFile(path: string): () => Promise<string> {
  let value = '';
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - readAtMs > tokenCacheMs) {
      value = `Bearer ${readFileSync(path, 'utf8').trim()}`;
      readAtMs = performance.now();
    }
    return value;
  };
}

function dataOrFile(data: string | undefined, file: string | undefined, folder: string): string | undefined {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  return file === undefined || file === '' ? undefined : readFileSync(absolute(file, folder), 'utf8');
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
