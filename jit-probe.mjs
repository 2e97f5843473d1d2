import fs from 'fs'
import { create, globals } from 'webgpu'
Object.assign(globalThis, globals)
const p=JSON.parse(fs.readFileSync(process.argv[2]));
const which=process.argv[3]??'critic'
const pl=p.steps? (p.steps.find(s=>s.name===which)??p.every[0]).plan : p
const gpu=create([]); globalThis.g=gpu
const ad=await gpu.requestAdapter(); const d=await ad.requestDevice({requiredLimits:{maxStorageBuffersPerShaderStage:ad.limits.maxStorageBuffersPerShaderStage}})
const types={uniform:'uniform',read:'read-only-storage',write:'storage'}
const big=new Map()
const rows=[]
let tc=0,td=0
for(const k of pl.kernels){
  const c=pl.commands.find(c=>c.op==='dispatch'&&c.kernel===k.id)
  const t0=performance.now()
  const layout=d.createBindGroupLayout({entries:k.bindings.map((b,i)=>({binding:i,visibility:4,buffer:{type:types[b]}}))})
  const pipe=await d.createComputePipelineAsync({layout:d.createPipelineLayout({bindGroupLayouts:[layout]}),compute:{module:d.createShaderModule({code:k.wgsl})}})
  const t1=performance.now()
  const entries=k.bindings.map((b,i)=>{const bytes=Math.max(16,c.buffers[i].bytes);return {binding:i,resource:{buffer:d.createBuffer({size:Math.ceil(bytes/16)*16,usage:b==='uniform'?0x40|8:0x80|8})}}})
  const bg=d.createBindGroup({layout,entries})
  const e=d.createCommandEncoder(); const ps=e.beginComputePass(); ps.setPipeline(pipe); ps.setBindGroup(0,bg); ps.dispatchWorkgroups(1,1,1); ps.end(); d.queue.submit([e.finish()]); await d.queue.onSubmittedWorkDone()
  const t2=performance.now()
  const e2=d.createCommandEncoder(); const q=e2.beginComputePass(); q.setPipeline(pipe); q.setBindGroup(0,bg); q.dispatchWorkgroups(...c.groups); q.end(); d.queue.submit([e2.finish()]); await d.queue.onSubmittedWorkDone()
  const t3=performance.now()
  const uses=pl.commands.filter(c=>c.op==='dispatch'&&c.kernel===k.id).length
  rows.push({n:k.name,bytes:k.wgsl.length,pipe:t1-t0,first:t2-t1,run:t3-t2,uses,groups:c.groups.join('x')}); tc+=t1-t0; td+=t2-t1
}
rows.sort((a,b)=>b.first-a.first)
for(const r of rows.slice(0,+process.argv[4]||40)) console.log(r.n.padEnd(14),String(r.bytes).padStart(6),r.pipe.toFixed(0).padStart(5),r.first.toFixed(0).padStart(6),r.run.toFixed(2).padStart(8),'x',r.uses,r.groups)
console.log('pipe',tc.toFixed(0),'jit',td.toFixed(0),'run',rows.reduce((a,r)=>a+r.run*r.uses,0).toFixed(0))
for(const kind of ['sample','map','gather','reduce','contract']){const s=rows.filter(r=>r.n.startsWith(kind));console.log(kind,s.length,'pipe',s.reduce((a,r)=>a+r.pipe,0).toFixed(0),'jit',s.reduce((a,r)=>a+r.first,0).toFixed(0),'run',s.reduce((a,r)=>a+r.run*r.uses,0).toFixed(0))}
process.exit(0)
