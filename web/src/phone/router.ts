import { createRouter, createWebHashHistory } from "vue-router";
import Form from "./pages/Form.vue";
import Home from "./pages/Home.vue";
import List from "./pages/List.vue";
import Mine from "./pages/Mine.vue";
import Month from "./pages/Month.vue";
import Queue from "./pages/Queue.vue";
import Record from "./pages/Record.vue";
import Todo from "./pages/Todo.vue";
import Write from "./pages/Write.vue";

/** Addresses behind #: the page starts from its store whatever the address was. */
export const router = createRouter({
  history: createWebHashHistory("/m/"),
  routes: [
    { path: "/", component: Home, meta: { title: "今天" } },
    { path: "/todo", component: Todo, meta: { title: "待办" } },
    { path: "/queue", component: Queue, meta: { title: "待发送" } },
    { path: "/mine", component: Mine, meta: { title: "我的" } },
    { path: "/security", component: () => import("./pages/Security.vue"), meta: { title: "登录安全" } },
    { path: "/month", component: Month, meta: { title: "我的考勤" } },
    { path: "/write", component: Write, meta: { title: "登记" } },
    { path: "/list/:kind", component: List, props: true, meta: { title: "记录" } },
    { path: "/record/:kind/:id", component: Record, props: true, meta: { title: "记录" } },
    { path: "/form/:kind/:task", component: Form, props: true, meta: { title: "填写" } },
    { path: "/:rest(.*)", redirect: "/" },
  ],
  scrollBehavior: () => ({ top: 0 }),
});

router.afterEach((to) => {
  document.title = `${String(to.meta["title"] ?? "")} · 衔接`;
});
