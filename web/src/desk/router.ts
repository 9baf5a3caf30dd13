import { createRouter, createWebHistory } from "vue-router";
import WorkPage from "./pages/WorkPage.vue";
import ListPage from "./pages/ListPage.vue";
import RecordPage from "./pages/RecordPage.vue";

export const router = createRouter({
  history: createWebHistory("/desk/"),
  routes: [
    { path: "/", component: WorkPage, meta: { title: "我的工作" } },
    { path: "/list/:kind", component: ListPage, props: true },
    { path: "/record/:kind/:id", component: RecordPage, props: true },
    { path: "/record/:kind/:id/do/:action", component: () => import("./pages/MovePage.vue"), props: true },
    { path: "/record/:kind/:id/act/:act", component: () => import("./pages/EditPage.vue"), props: true },
    { path: "/record/:kind/:id/change", component: () => import("./pages/EditPage.vue"), props: true },
    { path: "/new/rule_proposal", redirect: "/rules" },
    { path: "/new/:kind", component: () => import("./pages/EditPage.vue"), props: true },
    { path: "/screening", component: () => import("./pages/ScreeningPage.vue"), meta: { title: "试查文本", may: "screening:try" } },
    { path: "/import", component: () => import("./pages/ImportPage.vue"), meta: { title: "导入", may: "project:declare" } },
    { path: "/overview", component: () => import("./pages/OverviewPage.vue"), meta: { title: "领导页", may: "overview:read" } },
    { path: "/year", component: () => import("./pages/YearPage.vue"), meta: { title: "年终", may: "fund:read" } },
    { path: "/rules", component: () => import("./pages/RulesPage.vue"), meta: { title: "规则", may: "rule:read" } },
    { path: "/security", component: () => import("./pages/SecurityPage.vue"), meta: { title: "登录安全" } },
    { path: "/webhooks", component: () => import("./pages/WebhooksPage.vue"), meta: { title: "数据推送", may: "webhook:manage" } },
    { path: "/log", component: () => import("./pages/LogPage.vue"), meta: { title: "日志核验", may: "log:verify" } },
    { path: "/statement/:id", component: () => import("./pages/StatementPage.vue"), props: true },
    { path: "/:rest(.*)", redirect: "/" },
  ],
});
