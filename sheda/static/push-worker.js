// Shows what Sheda pushes, also while no page of it is open; a click leads to what the news is about.
"use strict";

self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data ? event.data.json() : {};
  } catch {
    said = {};
  }
  const options = { body: said.body || "", tag: said.tag, data: { url: said.url || "/" }, icon: "/static/img/icon.svg" };
  event.waitUntil(self.registration.showNotification(said.title || "Sheda", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const place = new URL(event.notification.data.url, self.location.origin);
  if (place.origin !== self.location.origin) return;
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const open = pages.find((page) => page.url === place.href);
      return open ? open.focus() : self.clients.openWindow(place.href);
    })(),
  );
});
