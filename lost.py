# aiohttp: HEAD on progress; tiny jpeg
import asyncio, time
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aioqueue import Queue
from aioqueue.frameworks.aiohttp import cleanup_ctx, progress
q = Queue("memory://")
@q.task
async def slow() -> int: await asyncio.sleep(4); return 1
async def p(request): return await progress(await slow(), request)
app = web.Application(); app.cleanup_ctx.append(cleanup_ctx(q, worker={})); app.add_routes([web.get("/p", p)])
async def main():
    async with TestClient(TestServer(app)) as c:
        t=time.time(); z = await c.head("/p"); print("HEAD", z.status, round(time.time()-t,1))
        t=time.time(); z = await c.get("/p"); print("GET headers", round(time.time()-t,1)); z.close(); 
        t=time.time()
    print("shutdown", round(time.time()-t,1))
asyncio.run(main())
