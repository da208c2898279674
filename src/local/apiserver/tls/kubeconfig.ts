import type { Credentials } from './certificates.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig for the administrator with everything embedded, so that the text alone is enough. */
export function kubeconfigText(url: string, credentials: Credentials): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: hikube-kafka-local
  cluster:
    server: ${url}
    certificate-authority-data: ${base64(credentials.authority)}
users:
- name: admin
  user:
    client-certificate-data: ${base64(credentials.admin.certificate)}
    client-key-data: ${base64(credentials.admin.key)}
contexts:
- name: hikube-kafka-local
  context:
    cluster: hikube-kafka-local
    user: admin
    namespace: default
current-context: hikube-kafka-local
`;
}
