#!/bin/sh
# kubeconfig.sh SERVER CA-FILE TOKEN: a kubeconfig on stdout.
cat <<END
apiVersion: v1
kind: Config
current-context: kube
clusters:
- name: kube
  cluster:
    server: $1
    certificate-authority: $2
contexts:
- name: kube
  context: {cluster: kube, user: me, namespace: default}
users:
- name: me
  user:
    token: $3
END
