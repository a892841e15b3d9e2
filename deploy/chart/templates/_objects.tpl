{{/*
The manifests are those of deploy/manifests, as data: what the values say is put into each object,
by the same rules as `kelos install` does. Maps are changed in place; strings are given back.
*/}}

{{/* kelos.image (list $ NAME): with the tag of all images, unless it names its own or a digest. */}}
{{- define "kelos.image" -}}
{{- $v := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- if or (contains "@" $name) (contains ":" (last (splitList "/" $name))) -}}
{{- $name -}}
{{- else -}}
{{- $name }}:{{ $v.image.tag | default (index . 0).Chart.AppVersion -}}
{{- end -}}
{{- end -}}

{{/* kelos.args (list $ CONTAINER): images, pull policies, and what the controller is told. */}}
{{- define "kelos.args" -}}
{{- $top := index . 0 -}}
{{- $v := $top.Values -}}
{{- $images := dict "claude-code" $v.claudeCodeImage "codex" $v.codexImage "gemini" $v.geminiImage "opencode" $v.opencodeImage "spawner" $v.spawner.image "token-refresher" $v.tokenRefresher.image "cursor" $v.cursorImage -}}
{{- $args := list -}}
{{- $given := (index . 1).args -}}
{{- if $v.cursorImage -}}{{- $given = append $given "--cursor-image=" -}}{{- end -}}
{{- range $given -}}
{{- if regexMatch "^--.*-image=" . -}}
{{- $flag := index (splitList "=" .) 0 -}}
{{- $image := get $images ($flag | trimPrefix "--" | trimSuffix "-image") -}}
{{- $args = append $args (printf "%s=%s" $flag (include "kelos.image" (list $top $image))) -}}
{{- if $v.image.pullPolicy -}}{{- $args = append $args (printf "%s-pull-policy=%s" $flag $v.image.pullPolicy) -}}{{- end -}}
{{- else -}}
{{- $args = append $args . -}}
{{- end -}}
{{- end -}}
{{- if $v.axon.enabled -}}{{- $args = append $args "--api-groups=kelos.dev,axon.io" -}}{{- end -}}
{{- if $v.spawner.isolation -}}{{- $args = concat $args (list (printf "--spawner-isolation=%s" $v.spawner.isolation) "--bus-port=7440") -}}{{- end -}}
{{- if $v.controller.watchSecrets -}}{{- $args = append $args "--watch-secrets" -}}{{- end -}}
{{- range $what := list "requests" "limits" -}}
{{- $pairs := list -}}
{{- $map := get $v.spawner.resources $what | default dict -}}
{{- range keys $map | sortAlpha -}}{{- $pairs = append $pairs (printf "%s=%v" . (get $map .)) -}}{{- end -}}
{{- if $pairs -}}{{- $args = append $args (printf "--spawner-resource-%s=%s" $what (join "," $pairs)) -}}{{- end -}}
{{- end -}}
{{- $args = concat $args $v.controller.extraArgs -}}
{{- $_ := set (index . 1) "args" $args -}}
{{- end -}}

{{/* kelos.container (list $ CONTAINER): our own image, and when it is pulled. */}}
{{- define "kelos.container" -}}
{{- $top := index . 0 -}}
{{- $c := index . 1 -}}
{{- $_ := set $c "image" (include "kelos.image" (list $top $top.Values.controllerImage)) -}}
{{- if $top.Values.image.pullPolicy -}}{{- $_ := set $c "imagePullPolicy" $top.Values.image.pullPolicy -}}{{- end -}}
{{- end -}}

{{- define "kelos.Deployment" -}}
{{- $top := index . 0 -}}
{{- $v := $top.Values.controller -}}
{{- $spec := (index . 1).spec -}}
{{- $container := index $spec.template.spec.containers 0 -}}
{{- $_ := set $spec "replicas" $v.replicas -}}
{{- if $v.priorityClassName -}}{{- $_ := set $spec.template.spec "priorityClassName" $v.priorityClassName -}}{{- end -}}
{{- $_ := set $container "resources" $v.resources -}}
{{- include "kelos.container" (list $top $container) -}}
{{- include "kelos.args" (list $top $container) -}}
{{- end -}}

{{- define "kelos.CronJob" -}}
{{- $top := index . 0 -}}
{{- $v := $top.Values.telemetry -}}
{{- $spec := (index . 1).spec -}}
{{- $container := index $spec.jobTemplate.spec.template.spec.containers 0 -}}
{{- $_ := set $spec "schedule" $v.schedule -}}
{{- $_ := set $container "args" (concat $container.args (list (printf "--telemetry-endpoint=%s" $v.endpoint) (printf "--telemetry-environment=%s" $v.environment))) -}}
{{- include "kelos.container" (list $top $container) -}}
{{- end -}}

{{- define "kelos.PodMonitor" -}}
{{- $v := (index . 0).Values.podMonitor -}}
{{- $o := index . 1 -}}
{{- $endpoint := index $o.spec.podMetricsEndpoints 0 -}}
{{- range list "interval" "scrapeTimeout" "honorLabels" -}}{{- $_ := set $endpoint . (get $v .) -}}{{- end -}}
{{- $_ := set $o.metadata "labels" (merge (deepCopy $v.labels) $o.metadata.labels) -}}
{{- if $v.annotations -}}{{- $_ := set $o.metadata "annotations" $v.annotations -}}{{- end -}}
{{- end -}}

{{/* kelos.file (list $ PATH): every object of a manifest. */}}
{{- define "kelos.file" -}}
{{- $top := index . 0 -}}
{{- range splitList "\n---\n" ($top.Files.Get (printf "files/%s" (index . 1))) -}}
{{- $o := fromYaml . -}}
{{- if has $o.kind (list "Deployment" "CronJob" "PodMonitor") -}}{{- include (printf "kelos.%s" $o.kind) (list $top $o) -}}{{- end -}}
{{- if and (eq $o.kind "Namespace") (or (not $top.Values.namespace.create) (eq $top.Release.Namespace $o.metadata.name)) -}}
{{- else if and (eq $o.kind "NetworkPolicy") (ne $o.metadata.namespace "kelos-system") -}}
{{- range $top.Values.networkPolicies.namespaces -}}
{{- $_ := set $o.metadata "namespace" . }}
---
{{ toYaml $o }}
{{- end -}}
{{- else -}}
{{- if eq $o.kind "CustomResourceDefinition" -}}{{- if $top.Values.crds.keep -}}{{- $_ := set $o.metadata "annotations" (merge (dict "helm.sh/resource-policy" "keep") ($o.metadata.annotations | default dict)) -}}{{- end -}}{{- end }}
---
{{ toYaml $o }}
{{- end -}}
{{- end -}}
{{- end -}}
