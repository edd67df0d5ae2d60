// The button that lets this browser show notifications: it asks for leave when it is pressed, never before.
(() => {
  "use strict";

  const form = document.querySelector("form[data-push]");
  if (!form || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  const button = form.querySelector("button");
  const status = form.querySelector("[role=status]");

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
  };

  const subscribe = async () => {
    const registration = await navigator.serviceWorker.register(form.dataset.worker);
    await new Promise((done) => {
      const worker = registration.active || registration.waiting || registration.installing;
      if (worker.state === "activated") return done();
      return worker.addEventListener("statechange", () => worker.state === "activated" && done());
    });
    const found = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytes(form.dataset.key),
    });
    const { endpoint, keys } = found.toJSON();
    form.elements.endpoint.value = endpoint;
    form.elements.p256dh.value = keys.p256dh;
    form.elements.auth.value = keys.auth;
    form.submit();
  };

  button.hidden = false;
  status.textContent = "Your browser will ask whether Sheda may show notifications.";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      if ((await Notification.requestPermission()) !== "granted") throw new Error("no leave");
      await subscribe();
    } catch {
      status.textContent =
        Notification.permission === "denied"
          ? "Your browser does not let Sheda show notifications. Change that in its settings for this site."
          : "That did not work: the browser could not reach its push service. Try again later.";
      button.disabled = false;
    }
  });
})();
