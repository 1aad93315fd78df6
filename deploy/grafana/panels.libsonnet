// The few kinds of panel that the dashboards are made of.
local source = { type: 'prometheus', uid: '${datasource}' };
local documents = 'https://github.com/portcullis-auth/portcullis/blob/main/docs/runbooks/';

// Queries as [expression, legend] pairs; the letters tell them apart.
local targets(queries) = std.mapWithIndex(function(index, query) {
  refId: std.char(std.codepoint('A') + index),
  datasource: source,
  editorMode: 'code',
  expr: query[0],
  legendFormat: query[1],
  range: true,
}, queries);

local panel(type, title, description, unit, queries) = {
  type: type,
  title: title,
  description: description,
  datasource: source,
  fieldConfig: { defaults: { unit: unit }, overrides: [] },
  targets: targets(queries),
  // Pages of docs/runbooks that begin where this panel ends.
  runbooks(names):: self {
    links: [{ title: 'Runbook: ' + name, url: documents + name + '.md', targetBlank: true } for name in names],
  },
  width(columns):: self { gridPos+: { w: columns } },
};

local lines(title, description, unit, queries) = panel('timeseries', title, description, unit, queries) {
  gridPos: { w: 12, h: 8 },
  fieldConfig+: {
    defaults+: {
      min: 0,
      custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never', spanNulls: false },
    },
  },
  options: {
    legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  // A line where an alert begins.
  limit(value):: self {
    fieldConfig+: {
      defaults+: {
        custom+: { thresholdsStyle: { mode: 'line' } },
        thresholds: { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: 'red', value: value }] },
      },
    },
  },
};

// Shares that add up: the height is the sum.
local areas(title, description, unit, queries) = lines(title, description, unit, queries) {
  fieldConfig+: { defaults+: { custom+: { fillOpacity: 40, stacking: { mode: 'normal', group: 'A' } } } },
};

// One number. Steps are [from, colour] pairs, lowest first; the first holds from below.
local number(title, description, unit, expression, steps) = panel('stat', title, description, unit, [[expression, '']]) {
  gridPos: { w: 4, h: 4 },
  fieldConfig+: {
    defaults+: {
      thresholds: {
        mode: 'absolute',
        steps: std.mapWithIndex(
          function(index, step) { color: step[1], value: if index == 0 then null else step[0] }, steps
        ),
      },
    },
  },
  options: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'value',
    graphMode: 'area',
    textMode: 'auto',
  },
};

// Shows the name that a series carries instead of its value.
local name(title, description, expression, label) = number(title, description, 'none', expression, [[0, 'text']]) {
  targets: targets([[expression, '{{' + label + '}}']]),
  options+: { textMode: 'name', graphMode: 'none' },
};

local alerts(title, description) = {
  type: 'alertlist',
  title: title,
  description: description,
  gridPos: { w: 24, h: 6 },
  datasource: source,
  options: {
    alertName: 'Portcullis',
    maxItems: 20,
    sortOrder: 3,
    viewMode: 'list',
    groupMode: 'default',
    datasource: '${datasource}',
    stateFilter: { firing: true, pending: true, noData: false, normal: false, 'error': true },
  },
};

// Places panels from left to right in rows of 24 columns, each row of the dashboard below the last.
local place(rows) =
  local put(state, panel) =
    local fits = state.x + panel.gridPos.w <= 24;
    local x = if fits then state.x else 0;
    local y = if fits then state.y else state.y + state.height;
    local height = if fits then std.max(state.height, panel.gridPos.h) else panel.gridPos.h;
    state {
      x: x + panel.gridPos.w,
      y: y,
      height: height,
      panels: state.panels + [panel { id: std.length(state.panels) + 1, gridPos: { x: x, y: y } + panel.gridPos }],
    };
  local header(title) = { type: 'row', title: title, collapsed: false, panels: [], gridPos: { w: 24, h: 1 } };
  local all = std.flatMap(function(row) [header(row.title)] + row.panels, rows);
  std.foldl(put, all, { x: 0, y: 0, height: 0, panels: [] }).panels;

local choice(variable, label, query) = {
  type: 'query',
  name: variable,
  label: label,
  datasource: source,
  query: { qryType: 1, query: query, refId: variable },
  definition: query,
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { text: ['All'], value: ['$__all'] },
};

local datasource = {
  type: 'datasource',
  name: 'datasource',
  label: 'Data source',
  query: 'prometheus',
  current: {},
};
local instance = choice('instance', 'Instance', 'label_values(up{job="portcullis"}, instance)');
local route = choice('route', 'Route', 'label_values(job_class_route:http_server_requests:rate5m{job="portcullis"}, route)');

local link(type, title) = {
  type: type,
  title: title,
  icon: 'external link',
  tooltip: '',
  url: '',
  tags: [],
  asDropdown: false,
  targetBlank: false,
  includeVars: false,
  keepTime: false,
};

local dashboard(uid, title, description, variables, rows) = {
  uid: 'portcullis-' + uid,
  title: 'Portcullis / ' + title,
  description: description,
  tags: ['portcullis'],
  schemaVersion: 41,
  version: 1,
  editable: true,
  graphTooltip: 1,
  timezone: 'browser',
  time: { from: 'now-6h', to: 'now' },
  refresh: '30s',
  templating: { list: [datasource] + variables },
  annotations: {
    list: [{
      name: 'Starts',
      datasource: source,
      enable: true,
      iconColor: 'blue',
      expr: 'changes(process_start_time_seconds{job="portcullis"}[1m]) > 0',
      titleFormat: 'Restart',
      textFormat: '{{instance}}',
    }],
  },
  links: [
    link('dashboards', 'Portcullis') { tags: ['portcullis'], asDropdown: true, includeVars: true, keepTime: true },
    link('link', 'Runbooks') { url: documents, targetBlank: true },
  ],
  panels: place(rows),
};

{
  alerts: alerts,
  areas: areas,
  dashboard: dashboard,
  instance: instance,
  lines: lines,
  name: name,
  number: number,
  route: route,
}
