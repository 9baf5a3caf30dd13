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
    { path: "/import", component: () => import("./pages/ImportPage.vue"), meta: { title: "导入" } },
    { path: "/screening", component: () => import("./pages/ScreeningPage.vue"), meta: { title: "试查文本" } },
    { path: "/overview", component: () => import("./pages/OverviewPage.vue"), meta: { title: "领导页" } },
    { path: "/statement/:id", component: () => import("./pages/StatementPage.vue"), props: true },
    { path: "/year", component: () => import("./pages/YearPage.vue"), meta: { title: "年终" } },
    { path: "/rules", component: () => import("./pages/RulesPage.vue"), meta: { title: "规则" } },
    { path: "/webhooks", component: () => import("./pages/WebhooksPage.vue"), meta: { title: "数据推送" } },
    { path: "/log", component: () => import("./pages/LogPage.vue"), meta: { title: "日志核验" } },
    { path: "/:rest(.*)", redirect: "/" },
  ],
});
