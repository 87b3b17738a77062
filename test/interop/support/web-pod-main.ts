// The web server as a pod's program: listens where the cluster tells it to.
import { createWebServer } from './web-pod.js';

createWebServer().listen(Number(process.env['PORT']), process.env['POD_IP']);
