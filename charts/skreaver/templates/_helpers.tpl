{{/* The name of the operator's objects. Short enough for `-control` to fit behind it in the name of a Service. */}}
{{- define "skreaver.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-operator" .Release.Name) | trunc 55 | trimSuffix "-" -}}
{{- end -}}

{{/* What every object of the release carries. */}}
{{- define "skreaver.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{ include "skreaver.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: skreaver
{{- end -}}

{{/* By what the operator's pods are found. The agents' NetworkPolicies find them by the name, which therefore never varies. */}}
{{- define "skreaver.selector" -}}
app.kubernetes.io/name: skreaver-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* An image of the values, in one line: (dict "image" IMAGE "root" $) */}}
{{- define "skreaver.image" -}}
{{- with .image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.root.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The settings file. Its form is `Settings` in operator/render/src/settings.rs. */}}
{{- define "skreaver.settings" -}}
image: {{ include "skreaver.image" (dict "image" .Values.agentRuntime.image "root" .) | quote }}
imagePullPolicy: {{ .Values.agentRuntime.image.pullPolicy }}
clusterDomain: {{ .Values.clusterDomain | quote }}
requireToolPolicy: {{ .Values.requireToolPolicy }}
dnsNamespace: {{ .Values.dnsNamespace | quote }}
dnsPorts: {{ toJson .Values.dnsPorts }}
gatewayNamespaces: {{ toJson .Values.gatewayNamespaces }}
monitoringNamespaces: {{ toJson .Values.monitoringNamespaces }}
closedNetworks: {{ toJson .Values.closedNetworks }}
auth: {default: {{ .Values.auth.default }}}
{{- end -}}

{{/* What the operator may do where Agents run. */}}
{{- define "skreaver.rules" -}}
- apiGroups: [skreaver.dev]
  resources: [agents, toolpolicies]
  verbs: [get, list, watch]
- apiGroups: [skreaver.dev]
  resources: [agents/status, toolpolicies/status]
  verbs: [patch]
# The calls that wait for people. What is asked is never changed.
- apiGroups: [skreaver.dev]
  resources: [toolapprovals]
  verbs: [get, list, watch, create, delete]
- apiGroups: [skreaver.dev]
  resources: [toolapprovals/status]
  verbs: [patch]
# Owner references that block the owner's deletion ask for this where the API server enforces them.
- apiGroups: [skreaver.dev]
  resources: [agents/finalizers, toolpolicies/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# The accepted rules of ToolPolicies. They are made and removed, never changed.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.checkSecrets }}
# By name only, to see whether it exists and has the key that an Agent names. There is no list and no watch.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- end -}}
