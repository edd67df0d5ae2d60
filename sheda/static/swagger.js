// Shows the API's document.
const page = document.getElementById("swagger-ui");
SwaggerUIBundle({ url: page.dataset.url, domNode: page, deepLinking: true, persistAuthorization: false });
